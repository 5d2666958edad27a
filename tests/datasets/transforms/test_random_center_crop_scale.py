# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepmark.datasets.transforms import RandomCenterCropScale
from deepmark.datasets.transforms.random_center_crop_scale import CENTERNET_SCALES, fit_border
from deepmark.datasets.transforms.warp_matrix import transform_points

Make = Callable[..., dict[str, Any]]


class FixedWindow(RandomCenterCropScale):
    """The transform with a window that is not drawn."""

    window: tuple[tuple[int, int], float]

    def _draw_window(self, width: int, height: int) -> tuple[tuple[int, int], float]:
        return self.window


def _fixed(
    input_size: tuple[int, int], center: tuple[int, int], scale: float
) -> RandomCenterCropScale:
    transform = FixedWindow(input_size)
    transform.window = center, scale
    return transform


def test_scales_are_centernets() -> None:
    np.testing.assert_allclose(CENTERNET_SCALES, np.arange(0.6, 1.4, 0.1))


@given(st.integers(1, 3000), st.integers(0, 500))
def test_border_leaves_room(length: int, border: int) -> None:
    fitted = fit_border(border, length)
    assert length - fitted > fitted
    halvings = 0
    while border >> halvings != fitted:
        halvings += 1
    twice = border >> max(halvings - 1, 0)
    assert halvings == 0 or length <= 2 * twice  # one halving less would not fit


@pytest.mark.parametrize(
    ('length', 'fitted'), [(1, 0), (2, 0), (3, 1), (256, 64), (257, 128), (100, 32), (750, 128)]
)
def test_border_by_hand(length: int, fitted: int) -> None:
    assert fit_border(128, length) == fitted


def test_shift_of_whole_pixels_is_exact(make_results: Make) -> None:
    # 4 x 4 image, window of the same size around (3, 1): everything moves by (-1, +1).
    image = np.arange(1, 17, dtype=np.uint8).reshape(4, 4, 1).repeat(3, axis=2)
    results = make_results(
        boxes=[(1, 0, 3, 2)], landmarks=[(2, 1, 2), (0, 1, 2), (3, 3, 1)], image=image
    )
    results = _fixed((4, 4), (3, 1), 1.0).transform(results)
    assert results['img'][..., 0].tolist() == [
        [0, 0, 0, 0],
        [2, 3, 4, 0],
        [6, 7, 8, 0],
        [10, 11, 12, 0],
    ]
    assert results['gt_bboxes'].tensor.tolist() == [[0, 1, 2, 3]]
    assert results['gt_keypoints'][0, :3].tolist() == [[1, 2], [0, 0], [0, 0]]
    assert results['gt_keypoints_visible'][0, :3].tolist() == [2, 0, 0]
    assert results['gt_masks'].masks[0][0].tolist() == [0, 1, 2, 1, 2, 3]
    assert results['warp_matrix'].tolist() == [[1, 0, -1], [0, 1, 1]]
    assert results['inverse_warp_matrix'].tolist() == [[1, 0, 1], [0, 1, -1]]


def test_scale_and_aspect_by_hand(make_results: Make) -> None:
    # 7 x 5 (w x h) into 28 x 10: fit zoom min(4, 2) = 2, window scale 0.5 doubles it to 4.
    results = make_results(boxes=[(2, 1, 5, 4)], landmarks=[(3.5, 2.5, 1)], hw=(5, 7))
    results = _fixed((28, 10), (3, 2), 0.5).transform(results)
    # p' = 4 (p - (3, 2)) + (14, 5)
    assert results['img'].shape == (10, 28, 3)
    assert results['img_shape'] == results['pad_shape'] == (10, 28)
    assert results['scale_factor'] == (4.0, 4.0)
    assert results['gt_keypoints'][0, 0].tolist() == [16, 7]
    assert results['gt_bboxes'].tensor.tolist() == [[10, 1, 22, 9]]  # y2 13 is cut to 9
    assert (results['gt_masks'].height, results['gt_masks'].width) == (10, 28)


def test_garments_that_leave_the_window_are_dropped_everywhere(make_results: Make) -> None:
    results = make_results(boxes=[(0, 0, 1, 2), (4, 1, 6, 4), (0, 0, 2, 3)], hw=(5, 7))
    results['gt_bboxes_labels'] = np.array([8, 7, 8])
    results['gt_ignore_flags'] = np.array([False, True, False])
    # window of side 3.5 around (5, 2): zoom 2, p' = 2 (p - (5, 2)) + (3.5, 3.5)
    results = _fixed((7, 7), (5, 2), 0.5).transform(results)
    assert results['gt_bboxes'].tensor.tolist() == [[1.5, 1.5, 5.5, 6]]
    assert results['gt_bboxes_labels'].tolist() == [7]
    assert results['gt_ignore_flags'].tolist() == [True]
    assert len(results['gt_masks']) == len(results['gt_keypoints']) == 1
    assert len(results['gt_keypoints_visible']) == 1


def test_box_that_only_touches_the_window_is_dropped(make_results: Make) -> None:
    # p' = p - (1, 2) + (2.5, 2.5): x from -1.5 .. 0 is clipped to an empty 0 .. 0
    results = make_results(boxes=[(-3, 0, -1.5, 3)], hw=(5, 5))
    results = _fixed((5, 5), (1, 2), 1.0).transform(results)
    assert results['gt_bboxes'].tensor.shape == (0, 4)


def test_image_without_garments(make_results: Make) -> None:
    results = _fixed((6, 4), (3, 2), 1.0).transform(make_results(boxes=[]))
    assert results['gt_bboxes'].tensor.shape == (0, 4)
    assert results['gt_keypoints'].shape == (0, 39, 2)
    assert len(results['gt_masks']) == 0


def test_works_without_annotations_and_with_plain_boxes(make_results: Make) -> None:
    image = {'img': np.zeros((5, 7, 3), np.uint8)}
    assert _fixed((6, 4), (3, 2), 1.0).transform(image)['img'].shape == (4, 6, 3)
    results = make_results(boxes=[(1, 1, 3, 4)])
    results['gt_bboxes'] = results['gt_bboxes'].tensor.numpy()
    moved = _fixed((7, 5), (3, 2), 1.0).transform(results)['gt_bboxes']
    assert isinstance(moved, np.ndarray)
    assert moved.tolist() == [[1.5, 1.5, 3.5, 4]]  # cut at the last pixel's centre


def test_pixels_and_landmarks_move_alike(make_results: Make) -> None:
    """A bright dot lands where its landmark lands, for random windows and H != W."""
    random.seed(0)
    transform = RandomCenterCropScale((120, 90), scales=(0.6, 1.0), border=20)
    found = 0
    for _ in range(20):
        image = np.zeros((60, 100, 3), np.uint8)
        image[30 - 1 : 30 + 2, 50 - 1 : 50 + 2] = 255
        results = make_results(boxes=[(10, 10, 90, 50)], landmarks=[(50, 30, 2)], image=image)
        results = transform.transform(results)
        weight = results['img'][..., 0].astype(float)
        if results['gt_keypoints_visible'][0, 0] and weight[[0, -1]].max() == 0:
            y, x = np.indices(weight.shape)
            dot = np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()
            if weight[:, [0, -1]].max() == 0:
                np.testing.assert_allclose(dot, results['gt_keypoints'][0, 0], atol=0.05)
                found += 1
    assert found >= 10


def test_way_back_leads_to_the_original(make_results: Make) -> None:
    random.seed(1)
    points = [(10.25, 20.5, 2), (60, 40, 1)]
    for _ in range(20):
        results = make_results(boxes=[(5, 5, 95, 55)], landmarks=points, hw=(60, 100))
        results = RandomCenterCropScale((64, 48)).transform(results)
        seen = results['gt_keypoints_visible'][0, :2] > 0
        back = transform_points(results['inverse_warp_matrix'], results['gt_keypoints'][0, :2])
        np.testing.assert_allclose(back[seen], np.array(points)[seen, :2], atol=1e-4)


def test_windows_are_drawn_as_in_centernet() -> None:
    random.seed(2)
    transform = RandomCenterCropScale((512, 512))
    draws = [transform._draw_window(400, 200) for _ in range(2000)]
    x, y = np.array([center for center, _ in draws]).T
    assert (x.min(), x.max()) == (128, 400 - 128 - 1)
    assert (y.min(), y.max()) == (64, 200 - 64 - 1)  # 128 does not fit into 200
    assert {scale for _, scale in draws} == set(CENTERNET_SCALES)


def test_same_seed_same_window() -> None:
    transform = RandomCenterCropScale((512, 512))
    random.seed(5)
    first = [transform._draw_window(400, 200) for _ in range(5)]
    random.seed(5)
    assert first == [transform._draw_window(400, 200) for _ in range(5)]


@pytest.mark.parametrize(
    'arguments',
    [
        {'input_size': (0, 5)},
        {'input_size': (5, 5), 'scales': ()},
        {'input_size': (5, 5), 'scales': (0.0,)},
    ],
)
def test_impossible_arguments(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='must be positive'):
        RandomCenterCropScale(**arguments)
