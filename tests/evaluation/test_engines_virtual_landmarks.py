# SPDX-License-Identifier: Apache-2.0
"""Truth without landmarks, said with landmarks that are not there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepmark.evaluation.coco_evaluation import evaluate
from deepmark.evaluation.engines import EvaluationInput, SlotMode
from deepmark.evaluation.engines.virtual_landmarks import (
    VIRTUAL_AREA,
    VIRTUAL_SIGMA,
    VirtualLandmarks,
    dense_areas,
    virtual_landmarks,
)
from deepmark.evaluation.garment_rows import DetectionRows, TruthRows
from deepmark.evaluation.oks import keypoint_similarity, similarity_to_unlabelled
from deepmark.schema import DEEPFASHION2, Category, LandmarkSchema

from .garment_examples import SKIRT, TROUSERS, found, skirt_truth

START = int(DEEPFASHION2.slot_offsets[SKIRT])


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
        placed(truth, detections).distances ** 2, VIRTUAL_AREA, np.array([VIRTUAL_SIGMA])
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


@pytest.mark.parametrize('height', [30.0, 50.0, 70.0, 90.0, 121.0])
def test_a_similarity_of_exactly_a_threshold_is_kept(height: float) -> None:
    """Two categories of six landmarks, own ones inside and the others far away: exactly 1/2."""
    pytest.importorskip('hotcoco')
    names = tuple('abcdef')
    schema = LandmarkSchema(
        'two',
        tuple(
            Category(name, number, 6, (), (), (0.05,) * 6, keypoint_names=names)
            for number, name in ((1, 'shoe'), (2, 'bag'))
        ),
    )
    points = np.full((6, 2), 420.0)
    boxes = np.array([[400.0, 400, 100, height]] * 2)
    labelled = np.column_stack([points, np.full(6, 2)])
    truth = TruthRows(
        image_ids=np.array([1, 2]),
        labels=np.array([0, 0]),
        boxes_xywh=boxes,
        crowd=np.zeros(2, np.bool_),
        keypoints=np.vstack([np.zeros((6, 3)), labelled]),
    )
    detections = DetectionRows(
        truth.image_ids, truth.labels, boxes, np.array([0.9, 0.5]), np.vstack([points, points])
    )
    images = np.array([1, 2])
    for backend in ('fast', 'pycocotools'):
        figures = evaluate(truth, detections, images, schema, backend=backend)
        assert figures['keypoints_visible']['AP50'] == pytest.approx(1.0), backend
