# SPDX-License-Identifier: Apache-2.0
"""Results that occur twice, and results for images that are not in the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.garment_rows import DetectionRows
from deepmark.evaluation.result_checks import (
    refuse_repetition,
    refuse_repetitions,
    refuse_unknown_images,
)
from deepmark.schema import DEEPFASHION2

from .garment_examples import found, random_rows, skirt_truth

SKIRT = found(skirt_truth(), score=0.5)


def check(*parts: DetectionRows) -> None:
    refuse_repetitions(DetectionRows.concatenate(parts), DEEPFASHION2, 'r.json')


def test_the_same_result_twice_names_both_entries() -> None:
    other = found(skirt_truth(x=7), score=0.5)
    message = r'r\.json: \[0\] and \[2\] are the same result \(image_id 1, score 0\.5\)\. Fix: '
    with pytest.raises(EvaluationError, match=message):
        check(SKIRT, other, SKIRT)


def test_a_difference_in_anything_makes_two_results() -> None:
    assert SKIRT.keypoints is not None
    moved = SKIRT.keypoints.copy()
    moved[7, 1] += 0.01
    check(
        SKIRT,
        replace(SKIRT, keypoints=moved),
        replace(SKIRT, scores=np.array([0.25])),
        replace(SKIRT, image_ids=np.array([2])),
        replace(SKIRT, boxes_xywh=SKIRT.boxes_xywh + 1),
    )
    with pytest.raises(EvaluationError, match=r'\[1\] and \[2\]'):
        check(replace(SKIRT, keypoints=moved), SKIRT, SKIRT)


def test_equal_scores_alone_are_fine() -> None:
    _, detections = random_rows(seed=1)
    assert len(np.unique(detections.scores)) < len(detections)
    check(detections)
    with pytest.raises(EvaluationError, match=r'\[0\] and \[36\]'):
        check(detections, detections)


def test_boxes_alone_and_no_results_are_checked_too() -> None:
    boxes = replace(SKIRT, keypoints=None)
    check(boxes)
    check()
    with pytest.raises(EvaluationError, match=r'\[0\] and \[1\]'):
        check(boxes, boxes)


def test_unknown_images_are_counted() -> None:
    rows = DetectionRows.concatenate([SKIRT, *(found(skirt_truth(i)) for i in (8, 9, 9))])
    refuse_unknown_images(rows, np.array([9, 8, 1]), 'r.json', 'truth.json')
    message = (
        r'r\.json: \[1\]: image_id 8 is not among the 2 images of truth\.json; so are 3 results of '
        r'2 images\. Fix: '
    )
    with pytest.raises(EvaluationError, match=message):
        refuse_unknown_images(rows, np.array([1, 2]), 'r.json', 'truth.json')


def test_numbers_may_not_repeat() -> None:
    refuse_repetition(np.array([3, 1, 2]), 'a', 'id', 'count')
    with pytest.raises(
        EvaluationError, match=r'a: id 2 occurs 3 times \(2 such ids\)\. Fix: count'
    ):
        refuse_repetition(np.array([5, 2, 2, 5, 2]), 'a', 'id', 'count')
