# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.structures.mask import BitmapMasks

from deepmark.datasets.transforms import RandomCenterCropScale, RandomFlipLandmarks
from deepmark.datasets.transforms.warp_matrix import center_warp, compose, mirror, transform_points
from deepmark.schema import DEEPFASHION2

Make = Callable[..., dict[str, Any]]


def test_skirt_by_hand(make_results: Make) -> None:
    # Skirt: landmarks 1-3 and 4-8 and 5-7 swap, 2 and 6 stay. Width 7: x -> 6 - x.
    points = [
        (0, 1, 2),
        (1, 1, 1),
        (2, 1, 2),
        (3, 2, 2),
        (4, 2, 0),
        (5, 2, 2),
        (6, 3, 1),
        (1, 4, 2),
    ]
    results = RandomFlipLandmarks(1.0).transform(
        make_results(boxes=[(1, 1, 3, 4)], landmarks=points, hw=(5, 7))
    )
    assert results['gt_bboxes'].tensor.tolist() == [[3, 1, 5, 4]]
    visible = results['gt_keypoints_visible'][0, :8].tolist()
    assert visible == [2, 1, 2, 2, 1, 2, 0, 2]
    expected = [[4, 1], [5, 1], [6, 1], [5, 4], [0, 3], [1, 2], [0, 0], [3, 2]]
    assert results['gt_keypoints'][0, :8].tolist() == expected
    assert results['gt_keypoints'][0, 8:].sum() == 0
    assert results['gt_masks'].masks[0][0].tolist() == [5, 1, 3, 1, 3, 4]
    assert (results['flip'], results['flip_direction']) == (True, 'horizontal')
    assert results['warp_matrix'].tolist() == [[-1, 0, 6], [0, 1, 0]]
    assert results['img_shape'] == (5, 7)


def test_pixels_are_mirrored(make_results: Make) -> None:
    results = make_results()
    before = results['img'].copy()
    after = RandomFlipLandmarks(1.0).transform(results)['img']
    np.testing.assert_array_equal(after, before[:, ::-1])


def test_flip_copies_no_pixel(make_results: Make) -> None:
    results = make_results()
    before = results['img']
    assert np.shares_memory(RandomFlipLandmarks(1.0).transform(results)['img'], before)


@pytest.mark.parametrize('seed', range(10))
def test_warp_of_a_flipped_photo_is_that_of_its_mirrored_copy(seed: int) -> None:
    """White noise: cv2.warpAffine counts in 1 / 32 pixels, and two ways may round differently."""
    random.seed(seed)
    rng = np.random.default_rng(seed)
    height, width = rng.integers(100, 300, 2).tolist()
    photo = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    warp = RandomCenterCropScale((128, 96))
    random.seed(seed)
    found = warp.transform(RandomFlipLandmarks(1.0).transform({'img': photo}))['img']
    random.seed(seed)
    random.random()  # the flip's draw
    expected = warp.transform({'img': np.ascontiguousarray(photo[:, ::-1])})['img']
    assert np.abs(found.astype(int) - expected).max() <= 2 * 255 / 32 + 1  # a step in x and in y


def test_bitmap_masks_are_mirrored(make_results: Make) -> None:
    results = make_results()
    mask = np.zeros((1, 5, 7), np.uint8)
    mask[0, 2, 0] = 1
    results['gt_masks'] = BitmapMasks(mask, 5, 7)
    moved = RandomFlipLandmarks(1.0).transform(results)['gt_masks'].masks
    np.testing.assert_array_equal(moved, mask[:, :, ::-1])


def test_no_flip_changes_nothing(make_results: Make) -> None:
    results = make_results(landmarks=[(1, 2, 2)])
    before = results['gt_keypoints'].copy()
    results = RandomFlipLandmarks(0.0).transform(results)
    np.testing.assert_array_equal(results['gt_keypoints'], before)
    assert (results['flip'], results['flip_direction']) == (False, None)


@st.composite
def garments(draw: st.DrawFn) -> dict[str, Any]:
    count = draw(st.integers(0, 4))
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = rng.integers(0, DEEPFASHION2.num_categories, count)
    owned = DEEPFASHION2.keypoint_valid[labels]
    visible = np.where(owned, rng.integers(0, 3, owned.shape), 0).astype(np.uint8)
    points = rng.integers(0, 40, (*owned.shape, 2)).astype(np.float32) / 4
    points[visible == 0] = 0
    return {
        'img': rng.integers(0, 255, (height, width, 3), dtype=np.uint8),
        'gt_bboxes': np.sort(rng.integers(0, 40, (count, 2, 2)), 1).reshape(-1, 4) / np.float32(4),
        'gt_bboxes_labels': labels,
        'gt_keypoints': points,
        'gt_keypoints_visible': visible,
    }


@settings(deadline=None)
@given(garments())
def test_two_flips_are_none(results: dict[str, Any]) -> None:
    flip = RandomFlipLandmarks(1.0)
    twice = flip.transform(flip.transform(dict(results)))
    for key in results:
        np.testing.assert_array_equal(twice[key], results[key], err_msg=key)
    np.testing.assert_array_equal(twice['warp_matrix'], [[1, 0, 0], [0, 1, 0]])


@settings(deadline=None)
@given(garments())
def test_landmarks_stay_in_their_category(results: dict[str, Any]) -> None:
    flipped = RandomFlipLandmarks(1.0).transform(dict(results))
    owned = DEEPFASHION2.keypoint_valid[results['gt_bboxes_labels']]
    assert not flipped['gt_keypoints_visible'][~owned].any()
    assert not flipped['gt_keypoints'][flipped['gt_keypoints_visible'] == 0].any()
    counts = (results['gt_keypoints_visible'] > 0).sum(1)
    np.testing.assert_array_equal((flipped['gt_keypoints_visible'] > 0).sum(1), counts)


@pytest.mark.parametrize('flip_first', [True, False])
def test_way_back_through_warp_and_flip(make_results: Make, flip_first: bool) -> None:
    """Landmark 2 of a skirt lies on the axis, so it keeps its number."""
    random.seed(3)
    steps = [RandomCenterCropScale((64, 48), scales=(1.0,)), RandomFlipLandmarks(1.0)]
    results = make_results(
        boxes=[(5, 5, 95, 55)], landmarks=[(0, 0, 0), (50.5, 30.25, 2)], hw=(60, 100)
    )
    for step in reversed(steps) if flip_first else steps:
        results = step.transform(results)
    back = transform_points(results['inverse_warp_matrix'], results['gt_keypoints'][0, 1])
    np.testing.assert_allclose(back, [50.5, 30.25], atol=1e-4)


def test_flip_after_the_warp_differs_from_centernets_order_by_one_pixel() -> None:
    """CenterNet mirrors photo and window centre, then warps: x' = zoom (c - x) + W / 2."""
    image_width, input_wh, center, zoom = 100, (64, 48), (40.0, 20.0), 0.5
    warp_then_flip = compose(mirror(input_wh[0]), center_warp(center, zoom, input_wh))
    mirrored_center = (image_width - 1 - center[0], center[1])
    flip_then_warp = compose(center_warp(mirrored_center, zoom, input_wh), mirror(image_width))
    assert (flip_then_warp - warp_then_flip).tolist() == [[0, 0, 1], [0, 0, 0]]


def test_probability() -> None:
    random.seed(4)
    flip = RandomFlipLandmarks(0.3)
    share = np.mean([flip._draw_flip() for _ in range(5000)])
    assert abs(share - 0.3) < 0.03
    with pytest.raises(ValueError, match=r'prob is 1\.5'):
        RandomFlipLandmarks(1.5)
