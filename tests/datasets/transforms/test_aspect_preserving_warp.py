# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from deepmark.datasets.transforms import AspectPreservingWarp
from deepmark.datasets.transforms.warp_matrix import transform_points

Make = Callable[..., dict[str, Any]]


def test_wide_image_by_hand(make_results: Make) -> None:
    # 8 x 4 (w x h) into 8 x 8: no zoom, two black rows above and below.
    image = np.full((4, 8, 3), 9, np.uint8)
    results = make_results(boxes=[(1, 0, 7, 3)], landmarks=[(2, 1, 2)], image=image)
    results = AspectPreservingWarp((8, 8)).transform(results)
    assert results['img'][:, 0, 0].tolist() == [0, 0, 9, 9, 9, 9, 0, 0]
    assert results['gt_bboxes'].tensor.tolist() == [[1, 2, 7, 5]]
    assert results['gt_keypoints'][0, 0].tolist() == [2, 3]
    assert results['inverse_warp_matrix'].tolist() == [[1, 0, 0], [0, 1, -2]]
    assert results['img_shape'] == (8, 8)


@pytest.mark.parametrize('hw', [(31, 57), (57, 31), (40, 40), (1, 90)])
@pytest.mark.parametrize('input_size', [(64, 64), (96, 32), (33, 65)])
def test_nothing_is_lost_or_distorted(
    make_results: Make, hw: tuple[int, int], input_size: tuple[int, int]
) -> None:
    height, width = hw
    results = make_results(
        boxes=[], image=np.random.default_rng(0).integers(1, 255, (*hw, 3), dtype=np.uint8)
    )
    results = AspectPreservingWarp(input_size).transform(results)
    matrix = results['warp_matrix']
    zoom = min(input_size[0] / width, input_size[1] / height)
    assert results['scale_factor'] == (zoom, zoom)
    np.testing.assert_allclose(matrix[:, :2], zoom * np.eye(2))
    first, last = transform_points(matrix, np.array([[0.0, 0.0], [width, height]]))
    assert first.min() >= -1e-9
    assert np.all(last <= np.array(input_size) + 1e-9)


@pytest.mark.parametrize('divisor', [None, 32])
@pytest.mark.parametrize('scale', [0.5, 0.75, 1.0, 1.25])
def test_way_back(make_results: Make, scale: float, divisor: int | None) -> None:
    warp = AspectPreservingWarp((512, 384), scale, divisor)
    results = warp.transform(make_results(hw=(333, 217)))
    points = np.random.default_rng(0).uniform(0, 333, (50, 2))
    there = transform_points(results['warp_matrix'], points)
    back = transform_points(results['inverse_warp_matrix'], there)
    assert np.abs(back - points).max() < 1e-9


@pytest.mark.parametrize(('divisor', 'side', 'shift'), [(None, 16, [4, 6]), (4, 8, [0, 2])])
def test_another_scale_by_hand(
    make_results: Make, divisor: int | None, side: int, shift: list[float]
) -> None:
    # 8 x 4 (w x h) fits 16 x 16 at zoom 2; at scale 0.5 it is 8 x 4 in the middle.
    image = np.full((4, 8, 3), 9, np.uint8)
    results = make_results(boxes=[(1, 0, 7, 3)], landmarks=[(2, 1, 2)], image=image)
    results = AspectPreservingWarp((16, 16), 0.5, divisor).transform(results)
    assert results['warp_matrix'].tolist() == [[1, 0, shift[0]], [0, 1, shift[1]]]
    assert results['img'].shape == (side, side, 3)
    assert results['img_shape'] == results['pad_shape'] == (side, side)
    rows, columns = np.nonzero(results['img'][..., 0])
    assert [columns.min(), rows.min()] == shift
    assert rows.size == 32
    assert results['gt_keypoints'][0, 0].tolist() == [2 + shift[0], 1 + shift[1]]
    assert results['scale_factor'] == (1, 1)


def test_a_scale_above_1_cuts_the_edges_as_centernet_does(make_results: Make) -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    image[2, 2], image[0, 0] = 200, 100
    results = AspectPreservingWarp((4, 4), 2.0).transform(make_results(boxes=[], image=image))
    assert results['warp_matrix'].tolist() == [[2, 0, -2], [0, 2, -2]]
    assert results['img'][2, 2, 0] == results['img'].max() == 200


@pytest.mark.parametrize(
    'arguments', [{'input_size': (512, 0)}, {'scale': 0}, {'canvas_divisor': 0}, {'scale': -1.0}]
)
def test_impossible_sizes(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='must be positive'):
        AspectPreservingWarp(**{'input_size': (512, 512), **arguments})
