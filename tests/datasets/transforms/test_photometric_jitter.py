# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
import random

import cv2
import numpy as np
import pytest

from deepmark.datasets.transforms import PhotometricJitter
from deepmark.datasets.transforms.photometric_jitter import (
    EIGENVALUES,
    EIGENVECTORS,
    STEPS,
    STRIP_ROWS,
    ColorDraw,
    color_matrix,
    map_colors,
    mean_grey,
)


class FixedJitter(PhotometricJitter):
    """The transform with factors that are not drawn."""

    draw: ColorDraw

    def _draw(self) -> ColorDraw:
        return self.draw


def _naive(image: np.ndarray, draw: ColorDraw) -> np.ndarray:
    """Step by step on floats 0..1: grey and its mean are taken once, before the first step."""
    picture = image.astype(np.float64) / 255
    grey = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_BGR2GRAY).astype(np.float64)
    mean = grey.mean()
    for step, factor in zip(draw.steps, draw.factors, strict=True):
        if step == 'brightness':
            picture = picture * factor
        elif step == 'contrast':
            picture = picture * factor + mean * (1 - factor)
        else:
            picture = picture * factor + grey[..., None] * (1 - factor)
    return 255 * (picture + EIGENVECTORS @ (EIGENVALUES * np.array(draw.lighting)))


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (13, 29, 3), dtype=np.uint8)


@pytest.mark.parametrize('steps', list(itertools.permutations(STEPS)))
def test_one_pass_equals_the_steps_in_any_order(image: np.ndarray, steps: tuple[str, ...]) -> None:
    draw = ColorDraw(steps, (0.7, 1.35, 1.2), (0.11, -0.2, 0.07))
    jitter = FixedJitter(keep_uint8=False)
    jitter.draw = draw
    found = jitter.transform({'img': image})['img']
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, _naive(image, draw), atol=2e-3)


@pytest.mark.parametrize('height', [1, STRIP_ROWS, STRIP_ROWS + 1, 3 * STRIP_ROWS - 5])
@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_strips_of_rows_make_no_difference(height: int, dtype: type) -> None:
    image = np.random.default_rng(1).integers(0, 256, (height, 9, 3)).astype(dtype)
    matrix = np.random.default_rng(2).normal(size=(3, 4))
    expected = cv2.transform(image.astype(np.float32), matrix)
    found = map_colors(image, matrix)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(map_colors(image[:, ::-1], matrix), found[:, ::-1], atol=1e-4)


def test_floats_leave_as_one_plane_a_channel(image: np.ndarray) -> None:
    assert PhotometricJitter()({'img': image})['img'].transpose(2, 0, 1).flags.c_contiguous


def test_uint8_rounds_and_clips(image: np.ndarray) -> None:
    draw = ColorDraw(STEPS, (1.4, 1.4, 0.6), (0.1, 0.0, -0.1))
    jitter = FixedJitter(keep_uint8=True)
    jitter.draw = draw
    found = jitter.transform({'img': image})['img']
    naive = _naive(image, draw)
    assert found.dtype == np.uint8
    assert naive.max() > 255
    assert np.abs(found - np.clip(naive, 0, 255)).max() <= 1.0


def test_floats_may_leave_the_range_as_in_the_original(image: np.ndarray) -> None:
    jitter = FixedJitter()
    jitter.draw = ColorDraw(('brightness',), (1.4,), (0.0, 0.0, 0.0))
    assert jitter.transform({'img': image})['img'].max() > 255


def test_by_hand() -> None:
    # One grey and one blue pixel; mean grey (100 + 0.114 * 200) / 2 = 61.4.
    image = np.array([[[100, 100, 100], [200, 0, 0]]], dtype=np.uint8)
    assert mean_grey(image) == pytest.approx(61.4)
    none = (0.0, 0.0, 0.0)
    contrast = color_matrix(ColorDraw(('contrast',), (0.5,), none), 61.4)
    np.testing.assert_allclose(contrast, np.column_stack([0.5 * np.eye(3), [30.7] * 3]))
    saturation = color_matrix(ColorDraw(('saturation',), (0.5,), none), 61.4)
    blue = saturation @ np.array([200, 0, 0, 1])
    np.testing.assert_allclose(blue, [100 + 11.4, 11.4, 11.4])
    grey = saturation @ np.array([100, 100, 100, 1])
    np.testing.assert_allclose(grey, [100, 100, 100])


def test_lighting_by_hand() -> None:
    # Only the first axis, weight 1: 255 * 0.2141788 * (-0.58752847, -0.5832747, -0.56089297).
    offset = color_matrix(ColorDraw((), (), (1.0, 0.0, 0.0)), 0.0)[:, 3]
    np.testing.assert_allclose(offset, [-32.0883, -31.8560, -30.6336], atol=2e-4)


def test_no_strength_changes_nothing(image: np.ndarray) -> None:
    for keep in (False, True):
        jitter = PhotometricJitter(strength=0, lighting_std=0, keep_uint8=keep)
        found = jitter.transform({'img': image})['img']
        np.testing.assert_allclose(found, image, atol=1e-4)


def test_draws_have_the_stated_ranges() -> None:
    random.seed(0)
    jitter = PhotometricJitter()
    draws = [jitter._draw() for _ in range(3000)]
    factors = np.array([draw.factors for draw in draws])
    assert factors.min() >= 0.6
    assert factors.max() <= 1.4
    assert np.abs(factors.mean(0) - 1).max() < 0.02
    lighting = np.array([draw.lighting for draw in draws])
    np.testing.assert_allclose(lighting.std(0), 0.1, atol=0.01)
    assert {draw.steps for draw in draws} == set(itertools.permutations(STEPS))


def test_image_of_the_loader_is_not_changed(image: np.ndarray) -> None:
    before = image.copy()
    PhotometricJitter().transform({'img': image})
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize('arguments', [{'strength': 1.5}, {'lighting_std': -1}])
def test_impossible_arguments(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match='must be'):
        PhotometricJitter(**arguments)
