# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from deepmark.datasets.transforms import KeepResolution
from deepmark.datasets.transforms.warp_matrix import transform_points

Make = Callable[..., dict[str, Any]]


def test_by_hand(make_results: Make) -> None:
    # 7 x 5 (w x h) into 8 x 8: centre (3, 2) to (4, 4), so one column and two rows in.
    results = make_results(boxes=[(1, 1, 3, 4)], landmarks=[(2, 3, 2)])
    image = results['img'].copy()
    results = KeepResolution(divisor=8).transform(results)
    expected = np.zeros((8, 8, 3), np.uint8)
    expected[2:7, 1:8] = image
    assert np.array_equal(results['img'], expected)
    assert results['gt_bboxes'].tensor.tolist() == [[2, 3, 4, 6]]
    assert results['gt_keypoints'][0, 0].tolist() == [3, 5]
    assert results['warp_matrix'].tolist() == [[1, 0, 1], [0, 1, 2]]
    assert results['inverse_warp_matrix'].tolist() == [[1, 0, -1], [0, 1, -2]]
    assert results['img_shape'] == results['pad_shape'] == (8, 8)
    assert results['scale_factor'] == (1, 1)


@pytest.mark.parametrize(
    ('always_pad', 'divisor', 'input_hw'),
    [(True, 32, (544, 640)), (True, 128, (640, 640)), (False, 32, (512, 608))],
)
def test_size_of_the_input(
    make_results: Make, always_pad: bool, divisor: int, input_hw: tuple[int, int]
) -> None:
    results = make_results(boxes=[], hw=(512, 608))
    results = KeepResolution(divisor, always_pad=always_pad).transform(results)
    assert results['img'].shape == (*input_hw, 3)
    assert results['img_shape'] == input_hw


@pytest.mark.parametrize('scale', [0.5, 0.75, 1.0, 1.25])
def test_way_back(make_results: Make, scale: float) -> None:
    results = KeepResolution(32, scale).transform(make_results(boxes=[], hw=(333, 217)))
    points = np.random.default_rng(0).uniform(0, 333, (50, 2))
    there = transform_points(results['warp_matrix'], points)
    back = transform_points(results['inverse_warp_matrix'], there)
    assert np.abs(back - points).max() < 1e-9


def ramp(width: int, height: int) -> np.ndarray:
    """An image whose value is 2 x."""
    row = (2 * np.arange(width)).astype(np.float32)
    return np.broadcast_to(row[None, :, None], (height, width, 3)).copy()


def test_content_lies_where_the_matrix_says_and_not_where_centernets_resize_puts_it(
    make_results: Make,
) -> None:
    """The naive transcription resizes first; its content is (1 - scale) / 2 pixels away."""
    scale, width, height = 0.75, 80, 40
    image = ramp(width, height)
    results = make_results(boxes=[], image=image)
    results = KeepResolution(32, scale).transform(results)
    resized = cv2.resize(image, (60, 30))
    padded = cv2.warpAffine(resized, np.array([[1.0, 0, 32 - 30], [0, 1.0, 16 - 15]]), (64, 32))
    assert results['img'].shape == padded.shape
    x = np.arange(10, 50)
    said = transform_points(results['inverse_warp_matrix'], np.stack([x, x * 0 + 16.0], 1))[:, 0]
    values, original_values = results['img'][16, x, 0], padded[16, x, 0]
    np.testing.assert_allclose(values / 2, said, atol=0.03)  # warpAffine counts in 1 / 32 pixels
    shift_input = (original_values - values) / 2 * scale
    np.testing.assert_allclose(shift_input, (1 - scale) / 2, atol=0.03)


@pytest.mark.parametrize('arguments', [{'divisor': 0}, {'divisor': 32, 'scale': 0.0}])
def test_impossible_arguments(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='must be positive'):
        KeepResolution(**arguments)
