# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepmark.datasets.transforms.warp_matrix import (
    center_warp,
    compose,
    fit_warp,
    fit_zoom,
    identity,
    invert,
    mirror,
    transform_boxes,
    transform_points,
)

LENGTHS = st.integers(1, 4000)
SIZES = st.tuples(LENGTHS, LENGTHS)
COORDINATES = st.floats(-1e4, 1e4)


def _three_point_warp(
    center: tuple[float, float], side: float, input_wh: tuple[int, int]
) -> np.ndarray:
    """CenterNet's way to the matrix: centre, the point half a side above it, and a right angle."""
    cx, cy = center
    width, height = input_wh
    source = np.array([[cx, cy], [cx, cy - side / 2], [cx - side / 2, cy - side / 2]], np.float32)
    target = np.array(
        [[width / 2, height / 2], [width / 2, (height - width) / 2], [0, (height - width) / 2]],
        np.float32,
    )
    return cv2.getAffineTransform(source, target)


@pytest.mark.parametrize(
    ('center', 'side', 'length'), [((375, 375), 750.0, 512), ((200, 311), 432.5, 128)]
)
def test_equals_centernets_three_points_for_a_square_input(
    center: tuple[float, float], side: float, length: int
) -> None:
    expected = _three_point_warp(center, side, (length, length))
    found = center_warp(center, length / side, (length, length))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_whole_image_by_hand() -> None:
    # 8 x 4 into 16 x 16: twice as large, centre (4, 2) to (8, 8).
    matrix = fit_warp((8, 4), (16, 16))
    corners = np.array([[0.0, 0.0], [8.0, 4.0], [4.0, 2.0]])
    assert transform_points(matrix, corners).tolist() == [[0, 4], [16, 12], [8, 8]]


@pytest.mark.parametrize(
    ('image_wh', 'input_wh', 'zoom'),
    [((8, 4), (16, 16), 2), ((4, 8), (16, 16), 2), ((8, 4), (16, 4), 1), ((10, 10), (5, 20), 0.5)],
)
def test_fit_zoom_by_hand(
    image_wh: tuple[int, int], input_wh: tuple[int, int], zoom: float
) -> None:
    assert fit_zoom(image_wh, input_wh) == zoom


@given(SIZES, SIZES)
def test_whole_image_lies_in_the_input(
    image_wh: tuple[int, int], input_wh: tuple[int, int]
) -> None:
    corners = np.array([[0.0, 0.0], image_wh])
    first, last = transform_points(fit_warp(image_wh, input_wh), corners)
    slack = 1e-6
    assert first.min() >= -slack
    assert np.all(last <= np.array(input_wh) + slack)
    touches = np.isclose(last - first, input_wh)
    assert touches.any()


@given(SIZES, st.tuples(COORDINATES, COORDINATES), st.floats(0.05, 20), SIZES)
def test_there_and_back(
    point: tuple[int, int], center: tuple[float, float], zoom: float, input_wh: tuple[int, int]
) -> None:
    matrix = compose(mirror(input_wh[0]), center_warp(center, zoom, input_wh))
    points = np.array([point], dtype=np.float64)
    back = transform_points(invert(matrix), transform_points(matrix, points))
    np.testing.assert_allclose(back, points, atol=1e-9 * max(1, 1e4 / zoom))


def test_there_and_back_at_usual_sizes() -> None:
    matrix = compose(mirror(512), center_warp((301.0, 222.0), 512 / 750 / 1.3, (512, 384)))
    points = np.random.default_rng(0).uniform(0, 750, (1000, 2))
    back = transform_points(invert(matrix), transform_points(matrix, points))
    assert np.abs(back - points).max() < 1e-9


def test_inverse_of_a_skew_matrix() -> None:
    matrix = np.array([[2.0, 1.0, 5.0], [-1.0, 3.0, 7.0]])
    np.testing.assert_allclose(compose(invert(matrix), matrix), identity(), atol=1e-12)
    np.testing.assert_allclose(compose(matrix, invert(matrix)), identity(), atol=1e-12)


def test_no_inverse() -> None:
    with pytest.raises(ValueError, match=r'has no inverse'):
        invert(np.zeros((2, 3)))


def test_compose_applies_the_first_first() -> None:
    shift = center_warp((-2.0, 0.0), 1.0, (0, 0))  # x -> x + 2
    double = center_warp((0.0, 0.0), 2.0, (0, 0))  # x -> 2 x
    point = np.array([[3.0, 1.0]])
    assert transform_points(compose(double, shift), point).tolist() == [[10, 2]]
    assert transform_points(compose(shift, double), point).tolist() == [[8, 2]]


def test_mirror_moves_pixels_as_cv2_does() -> None:
    image = np.arange(5, dtype=np.uint8)[None]
    moved = transform_points(mirror(5), np.array([[1.0, 0.0]]))[0]
    assert cv2.flip(image, 1)[int(moved[1]), int(moved[0])] == image[0, 1]


def test_boxes_stay_ordered() -> None:
    boxes = np.array([[1.0, 2.0, 3.0, 5.0]])
    assert transform_boxes(mirror(10), boxes).tolist() == [[6, 2, 8, 5]]
    quarter_turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
    assert transform_boxes(quarter_turn, boxes).tolist() == [[-5, 1, -2, 3]]
    assert transform_boxes(mirror(10), np.zeros((0, 4))).shape == (0, 4)
