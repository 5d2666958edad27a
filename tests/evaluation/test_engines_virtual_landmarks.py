# SPDX-License-Identifier: Apache-2.0
"""Truth without landmarks, said with landmarks that are not there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepmark.evaluation.engines import EvaluationInput, SlotMode
from deepmark.evaluation.engines.virtual_landmarks import (
    VIRTUAL_SIGMA,
    VirtualLandmarks,
    dense_areas,
    virtual_landmarks,
)
from deepmark.evaluation.garment_rows import DetectionRows, TruthRows
from deepmark.evaluation.oks import keypoint_similarity, similarity_to_unlabelled
from deepmark.schema import DEEPFASHION2

from .garment_examples import SKIRT, TROUSERS, found, skirt_truth

START = int(DEEPFASHION2.slot_offsets[SKIRT])
BOX_AREA = 5000.0


def placed(
    truth: TruthRows, detections: DetectionRows, slots: SlotMode = 'official'
) -> VirtualLandmarks:
    images = np.array([1, 2, 3])
    return virtual_landmarks(EvaluationInput(truth, detections, images, DEEPFASHION2, slots))


def test_each_unlabelled_truth_of_an_image_has_its_own() -> None:
    truth = TruthRows.concatenate(
        [
            skirt_truth(1),
            skirt_truth(1, visibility=0),
            skirt_truth(2, visibility=0),
            skirt_truth(1, visibility=1),  # unlabelled where only visible ones count
        ]
    )
    virtual = placed(truth, found(skirt_truth(1)))
    assert virtual.truth_numbers.tolist() == [-1, 0, 0, 1]
    assert virtual.counts[SKIRT] == 2
    assert virtual.counts.sum() == 2
    assert virtual.detections.tolist() == [0, 0]
    assert virtual.detection_numbers.tolist() == [0, 1]


def test_the_distance_has_the_similarity_of_the_dense_layout() -> None:
    truth = skirt_truth(1, x=300, visibility=0)
    detections = found(skirt_truth(1, x=240))
    dense = np.zeros((1, DEEPFASHION2.num_slots, 2))
    dense[0, START : START + 8] = detections.keypoints
    expected = similarity_to_unlabelled(dense, truth.boxes_xywh[0], DEEPFASHION2.slot_sigmas)
    similarity = keypoint_similarity(
        placed(truth, detections).distances ** 2, BOX_AREA, np.array([VIRTUAL_SIGMA])
    )
    assert similarity == pytest.approx(expected, rel=1e-12)
    assert 0 < expected[0] < 0.1


def test_other_categories_and_images_do_not_meet() -> None:
    truth = skirt_truth(1, visibility=0)
    elsewhere = found(skirt_truth(2))
    trousers = replace(
        elsewhere,
        image_ids=np.array([1]),
        labels=np.array([TROUSERS]),
        keypoints=np.zeros((14, 2)),
    )
    assert placed(truth, elsewhere).detections.tolist() == []
    assert placed(truth, trousers).detections.tolist() == []


def test_own_slots_need_none() -> None:
    truth = skirt_truth(1, visibility=0)
    virtual = placed(truth, found(truth), 'own_slots')
    assert virtual.counts.sum() == 0
    assert virtual.truth_numbers.tolist() == [-1]
    assert virtual.detections.tolist() == []


def test_the_extent_of_dense_landmarks_reaches_the_origin() -> None:
    points = np.zeros((22, 2))
    points[:8] = [(x, 20) for x in range(30, 110, 10)]
    points[8:] = -3
    labels = np.array([SKIRT, TROUSERS])
    assert dense_areas(points, labels, DEEPFASHION2).tolist() == [100 * 20, 3 * 3]
