# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random

import cv2
import numpy as np
import pytest

from deepmark.datasets.transforms import RandomCenterCropScale
from deepmark.datasets.transforms.geometry import warp_image
from deepmark.datasets.transforms.warp_matrix import (
    center_warp,
    compose,
    fit_zoom,
    invert,
    mirror,
    transform_points,
)

# cv2.warpAffine steps in 1 / 1024 pixels, twice rounded, and reads from a grid of 1 / 32.
READING_ERROR = 1 / 64 + 2 / 1024


def _own_coordinates(height: int, width: int) -> np.ndarray:
    """A photo whose pixels say where they are: x, y, 1."""
    y, x = np.indices((height, width), dtype=np.float32)
    return np.stack([x, y, np.ones_like(x)], axis=2)


def _is_read_where_the_matrix_says(
    warped: np.ndarray, matrix: np.ndarray, photo_wh: tuple[int, int], border: int
) -> bool:
    height, width = warped.shape[:2]
    y, x = np.indices((height, width))
    source = transform_points(invert(matrix), np.stack([x, y], axis=2))
    depth = np.minimum(source, np.array(photo_wh) - 1 - source).min(axis=2)  # pixels from the edge
    inside, outside = depth > 1 / 16, depth < -17 / 16
    error = np.abs(warped[inside][:, :2] - source[inside]).max(initial=0)
    whole = np.all(np.abs(warped[inside][:, 2] - 1) < 1e-6)
    return bool(error <= READING_ERROR and whole and np.all(warped[outside] == border))


@pytest.mark.parametrize('border', [0, 114])
@pytest.mark.parametrize('seed', range(10))
def test_random_windows(seed: int, border: int) -> None:
    random.seed(seed)
    width, height = (320, 200) if seed % 2 else (150, 260)
    input_wh = (128, 96)
    windows = RandomCenterCropScale(input_wh)
    center, scale = windows._draw_window(width, height)
    matrix = center_warp(center, fit_zoom((width, height), input_wh) / scale, input_wh)
    warped = warp_image(_own_coordinates(height, width), matrix, input_wh, border)
    assert _is_read_where_the_matrix_says(warped, matrix, (width, height), border)


@pytest.mark.parametrize('shift', [(-3.5, 2.25), (200.0, 0.0), (0.0, -90.5), (60.99, 40.5)])
@pytest.mark.parametrize('degrees', [0, 30, 180])
def test_photos_at_any_angle_and_outside(degrees: float, shift: tuple[float, float]) -> None:
    matrix = cv2.getRotationMatrix2D((30.0, 20.0), degrees, 1.3)
    matrix[:, 2] += shift
    warped = warp_image(_own_coordinates(40, 60), matrix, (64, 48), border=50)
    assert _is_read_where_the_matrix_says(warped, matrix, (60, 40), border=50)


@pytest.mark.parametrize('shift', [-20.5, 0.25, 31.0])
def test_mirrored_view(shift: float) -> None:
    """Pixel x of the view is pixel 69 - x of the photo, and says so."""
    matrix = center_warp((33.3 + shift, 21.7), 0.8, (64, 48))
    warped = warp_image(_own_coordinates(50, 70)[:, ::-1], matrix, (64, 48))
    assert _is_read_where_the_matrix_says(warped, compose(matrix, mirror(70)), (70, 50), border=0)


def test_mirrored_view_by_hand() -> None:
    # 3 pixels in a row, mirrored, then one pixel to the right; what is not covered is 7.
    photo = np.array([[[10] * 3, [20] * 3, [30] * 3]], np.uint8)
    shift = np.array([[1.0, 0, 1], [0, 1, 0]])
    warped = warp_image(photo[:, ::-1], shift, (5, 2), border=7)
    assert warped[..., 0].tolist() == [[7, 30, 20, 10, 7], [7] * 5]


@pytest.mark.parametrize('shift', [(0.3, -0.7), (25.2, 13.9), (-40.6, 8.8)])
def test_white_noise_equals_opencvs_warp_of_the_whole_input(shift: tuple[float, float]) -> None:
    photo = np.random.default_rng(3).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    matrix = center_warp((33.3 + shift[0], 21.7 + shift[1]), 0.83, (64, 48))
    expected = cv2.warpAffine(photo, matrix, (64, 48))
    found = warp_image(photo, matrix, (64, 48))
    assert np.abs(found.astype(int) - expected).max() <= 2 * 255 / 32 + 1  # a step in x and in y
