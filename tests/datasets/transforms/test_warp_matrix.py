# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deepmark.datasets.transforms.warp_matrix import (
    center_warp,
    compose,
    fit_warp,
    fit_zoom,
    identity,
    invert,
    keep_resolution_warp,
    mirror,
    padded_length,
    scaled_canvas,
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


def test_whole_image_at_another_scale_by_hand() -> None:
    # 8 x 4 fits 16 x 16 at zoom 2, so at scale 0.5 at zoom 1; centre (4, 2) to the canvas' centre.
    assert fit_warp((8, 4), (16, 16), 0.5).tolist() == [[1, 0, 4], [0, 1, 6]]
    assert fit_warp((8, 4), (16, 16), 0.5, (8, 12)).tolist() == [[1, 0, 0], [0, 1, 4]]


@pytest.mark.parametrize(
    ('side', 'divisor', 'next_multiple', 'smallest_multiple'),
    [
        (1, 32, 32, 32),
        (511, 32, 512, 512),
        (512, 32, 544, 512),
        (513, 32, 544, 544),
        (544, 32, 576, 544),
        (511, 128, 512, 512),
        (512, 128, 640, 512),
        (513, 128, 640, 640),
        (544, 128, 640, 640),
    ],
)
def test_padding_rules(side: int, divisor: int, next_multiple: int, smallest_multiple: int) -> None:
    assert padded_length(side, divisor) == next_multiple == (side | (divisor - 1)) + 1
    assert padded_length(side, divisor, always=False) == smallest_multiple


@pytest.mark.parametrize(
    ('input_wh', 'scale', 'divisor', 'canvas_wh'),
    [
        ((512, 512), 0.75, 128, (384, 384)),
        ((512, 256), 0.75, 128, (384, 256)),
        ((256, 512), 0.75, 32, (192, 384)),
        ((512, 320), 1.0, 32, (512, 320)),
        ((100, 50), 1.1, 10, (110, 60)),  # 1.1 * 100 is a little more than 110 in float64
    ],
)
def test_scaled_canvas(
    input_wh: tuple[int, int], scale: float, divisor: int, canvas_wh: tuple[int, int]
) -> None:
    assert scaled_canvas(input_wh, scale, divisor) == canvas_wh


@pytest.mark.parametrize(
    ('image_wh', 'divisor', 'scale', 'input_wh', 'matrix'),
    [
        # Centre (5, 3) to (8, 4).
        ((10, 7), 8, 1.0, (16, 8), [[1, 0, 3], [0, 1, 1]]),
        # Sides that are multiples already grow by a whole divisor: (4, 8) to (8, 12).
        ((8, 16), 8, 1.0, (16, 24), [[1, 0, 4], [0, 1, 4]]),
        # At scale 0.5 the image is 5 x 3 (7 / 2 cut off): pixel (2, 1) of it to (4, 4).
        ((10, 7), 8, 0.5, (8, 8), [[0.5, 0, 2], [0, 0.5, 3]]),
        ((10, 7), 8, 2.0, (24, 16), [[2, 0, 2], [0, 2, 1]]),
    ],
)
def test_keep_resolution_by_hand(
    image_wh: tuple[int, int],
    divisor: int,
    scale: float,
    input_wh: tuple[int, int],
    matrix: list[list[float]],
) -> None:
    found, found_wh = keep_resolution_warp(image_wh, divisor, scale)
    assert found_wh == input_wh
    assert found.tolist() == matrix


@given(SIZES, st.sampled_from([32, 128]))
def test_keep_resolution_equals_centernets_three_points(
    image_wh: tuple[int, int], divisor: int
) -> None:
    width, height = image_wh
    found, input_wh = keep_resolution_warp(image_wh, divisor)
    assert input_wh == ((width | (divisor - 1)) + 1, (height | (divisor - 1)) + 1)
    expected = _three_point_warp((width // 2, height // 2), input_wh[0], input_wh)
    np.testing.assert_allclose(found, expected, atol=1e-3)  # its points are float32
    assert np.all(found == np.round(found))


@example((85, 85), 32, 0.75, True)
@given(SIZES, st.sampled_from([32, 128]), st.sampled_from([0.5, 0.75, 1.0, 1.5]), st.booleans())
def test_keep_resolution_cuts_nothing_unless_scaled(
    image_wh: tuple[int, int], divisor: int, scale: float, always_pad: bool
) -> None:
    matrix, input_wh = keep_resolution_warp(image_wh, divisor, scale, always_pad)
    assert np.all(np.array(input_wh) % divisor == 0)
    first, last = transform_points(matrix, np.array([[0.0, 0.0], np.array(image_wh) - 1]))
    assert first.min() >= -1e-9
    # 85 * 0.75 is 63.75: the input of 64 is made for 63, and the centre 31 moves on to 32.
    slack = 1e-9 if scale == 1 else 2 - scale + 1e-9
    assert np.all(last <= np.array(input_wh) - 1 + slack)


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
