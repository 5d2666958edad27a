# SPDX-License-Identifier: Apache-2.0
"""OKS by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from deepmark.evaluation.oks import (
    distance_of_similarity,
    keypoint_similarity,
    object_keypoint_similarity,
    similarity_to_unlabelled,
    similarity_to_unlabelled_dense,
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


def test_the_other_slots_of_a_detection_lie_at_the_origin() -> None:
    box = np.array([[10, 10, 10, 5]], float)  # enlarged: x 0 .. 30, y 5 .. 20; the origin is 5 off
    own = np.array([[[0, 5], [40, 20]]], float)  # inside, and 10 pixels to the right: area 50
    similarity = similarity_to_unlabelled_dense(
        own, box, np.array([0.5, 0.5]), np.array([0.5, 0.5, 0.5])
    )
    assert similarity == pytest.approx([(1 + math.exp(-1) + 3 * math.exp(-0.25)) / 5])


def test_one_row_of_dense_similarity_for_each_pair() -> None:
    rng = np.random.default_rng(0)
    boxes = rng.uniform(20, 60, (4, 4))
    own = rng.uniform(0, 200, (4, 3, 2))
    sigmas, others = rng.uniform(0.1, 0.9, 3), rng.uniform(0.1, 0.9, 5)
    dense = np.concatenate([own, np.zeros((4, 5, 2))], axis=1)
    expected = [
        similarity_to_unlabelled(dense[n : n + 1], boxes[n], np.concatenate([sigmas, others]))[0]
        for n in range(4)
    ]
    similarity = similarity_to_unlabelled_dense(own, boxes, sigmas, others)
    assert similarity == pytest.approx(expected, rel=1e-14)
    assert len(set(expected)) == 4


def test_the_distance_of_a_similarity() -> None:
    # half at d^2 = 2 * 50 * (2 * .5)^2 * ln 2
    assert distance_of_similarity(np.array([0.5]), np.array([50.0]), 0.5) == pytest.approx(
        [math.sqrt(100 * math.log(2))]
    )
    assert distance_of_similarity(np.array([1.0]), np.array([50.0]), 0.5) == [0]


def test_no_similarity_is_far_but_finite() -> None:
    far = distance_of_similarity(np.array([0.0]), np.array([50.0]), 0.5)
    assert np.isfinite(far).all()
    assert keypoint_similarity(far**2, 50.0, np.array([0.5])) == pytest.approx([0], abs=1e-300)
