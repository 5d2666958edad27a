# SPDX-License-Identifier: Apache-2.0
"""OKS by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from deepmark.evaluation.oks import (
    keypoint_similarity,
    object_keypoint_similarity,
    similarity_to_unlabelled,
)


def test_similarity_halves_at_the_distance_where_the_exponent_is_log_two() -> None:
    area, sigma = 5000.0, 0.05
    squared_distance = np.array([2 * area * (2 * sigma) ** 2 * math.log(2)])  # = 100 ln 2
    assert keypoint_similarity(squared_distance, area, np.array([sigma])) == pytest.approx(0.5)


def test_only_labelled_landmarks_are_averaged() -> None:
    truth = np.array([[0, 0, 2], [10, 0, 1], [99, 99, 0]], float)
    keypoints = np.array([[[0, 0], [10, 10], [0, 0]], [[0, 0], [10, 0], [5, 5]]], float)
    # second landmark: d^2 = 100, variance (2 * .5)^2 = 1, area 50: exp(-100 / 100) = 1 / e
    oks = object_keypoint_similarity(keypoints, truth, 50.0, np.array([0.5, 0.5, 0.5]))
    assert oks == pytest.approx([(1 + math.exp(-1)) / 2, 1.0])


def test_unlabelled_garment_is_near_inside_the_enlarged_box() -> None:
    box = np.array([10, 10, 10, 5], float)  # enlarged: x 0 .. 30, y 5 .. 20
    keypoints = np.array([[[0, 5], [30, 20]], [[40, 5], [30, 20]]], float)
    # 10 pixels to the right of the enlarged box, area 50, variance 1: exp(-100 / 100)
    similarity = similarity_to_unlabelled(keypoints, box, np.array([0.5, 0.5]))
    assert similarity == pytest.approx([1.0, (1 + math.exp(-1)) / 2])
