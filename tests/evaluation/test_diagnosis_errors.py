# SPDX-License-Identifier: Apache-2.0
"""Every kind of error by hand, and the breakdown against plain loops."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from deepmark.evaluation.diagnosis import diagnose
from deepmark.evaluation.diagnosis.error_breakdown import (
    DETECTION_CLASSES,
    NOT_COUNTED,
    TRUTH_STATES,
)
from deepmark.evaluation.garment_rows import DetectionRows, TruthRows, keypoint_offsets
from deepmark.evaluation.oks import object_keypoint_similarity
from deepmark.schema import DEEPFASHION2

from .diagnosis_examples import SHORTS, as_shorts, moved
from .garment_examples import SKIRT, found, random_rows, skirt_truth

ONE_IMAGE = np.array([1])


def with_bad_landmarks(rows: DetectionRows) -> DetectionRows:
    assert rows.keypoints is not None
    return replace(rows, keypoints=rows.keypoints + 1000)


SKIRT_FOUND = found(skirt_truth())


@pytest.mark.parametrize(
    ('detection', 'kind', 'state'),
    [
        (SKIRT_FOUND, 'correct', 'found'),
        (with_bad_landmarks(SKIRT_FOUND), 'landmarks_off', 'found'),
        (moved(SKIRT_FOUND, 60), 'box_off', 'misjudged'),  # IoU 40 / 160 = .25
        (as_shorts(SKIRT_FOUND), 'wrong_category', 'misjudged'),
        (as_shorts(moved(SKIRT_FOUND, 60)), 'wrong_category_and_box', 'missed'),
        (moved(SKIRT_FOUND, 85), 'background', 'missed'),  # IoU 15 / 185 = .08
    ],
)
def test_one_detection_of_one_garment(detection: DetectionRows, kind: str, state: str) -> None:
    errors = diagnose(skirt_truth(), detection, ONE_IMAGE).errors
    assert [DETECTION_CLASSES[code] for code in errors.detection_class] == [kind]
    assert [TRUTH_STATES[code] for code in errors.truth_state] == [state]
    label = detection.labels[0]
    assert errors.detections[label, DETECTION_CLASSES.index(kind)] == errors.detections.sum() == 1
    assert errors.truths[SKIRT, TRUTH_STATES.index(state)] == errors.truths.sum() == 1


def test_a_second_detection_is_a_duplicate_also_on_a_garment_of_another_category() -> None:
    truth = skirt_truth()
    below = replace(
        skirt_truth(), labels=np.array([SHORTS]), keypoints=np.zeros((10, 3))
    )  # shorts with the same box
    detections = DetectionRows.concatenate([found(truth, 0.9), found(truth, 0.8)])
    errors = diagnose(TruthRows.concatenate([truth, below]), detections, ONE_IMAGE).errors
    assert [DETECTION_CLASSES[c] for c in errors.detection_class] == ['correct', 'duplicate']
    assert [TRUTH_STATES[c] for c in errors.truth_state] == ['found', 'missed']


def test_crowd_garments_and_what_lies_on_them_are_left_out() -> None:
    crowd = replace(skirt_truth(x=300), crowd=np.array([True]))
    truth = TruthRows.concatenate([skirt_truth(), crowd])
    detections = DetectionRows.concatenate([SKIRT_FOUND, moved(SKIRT_FOUND, 300)])
    diagnosis = diagnose(truth, detections, ONE_IMAGE)
    assert diagnosis.errors.detection_class.tolist() == [0, NOT_COUNTED]
    assert diagnosis.errors.truth_state.tolist() == [0, NOT_COUNTED]
    assert diagnosis.scores.found.sum() + diagnosis.scores.wrong.sum() == 1
    assert diagnosis.labelled_garments.sum() == 1


def test_low_scores_are_not_classified() -> None:
    errors = diagnose(skirt_truth(), found(skirt_truth(), 0.2), ONE_IMAGE).errors
    assert errors.detection_class.tolist() == [NOT_COUNTED]
    assert [TRUTH_STATES[code] for code in errors.truth_state] == ['missed']


def test_the_worst_images_are_those_with_missed_garments_and_confident_errors() -> None:
    truth = TruthRows.concatenate([skirt_truth(i) for i in (1, 2, 3)])
    detections = DetectionRows.concatenate(
        [
            found(skirt_truth(1)),  # 0
            found(skirt_truth(2)),
            moved(found(skirt_truth(2), 0.75), 500),  # .75
            moved(found(skirt_truth(3), 0.5), 500),  # .5 + 1 missed
        ]
    )
    diagnosis = diagnose(truth, detections, np.array([3, 2, 1, 4]))
    assert diagnosis.image_badness.tolist() == [0, 0.75, 1.5, 0]
    assert diagnosis.worst_images(24).tolist() == [3, 2]
    assert diagnosis.worst_images(1).tolist() == [3]


def test_scores_in_bins() -> None:
    truth = TruthRows.concatenate([skirt_truth(i) for i in (1, 2)])
    detections = DetectionRows.concatenate(
        [found(skirt_truth(1), 0.92), found(skirt_truth(2), 0.94), found(skirt_truth(3), 0.92)]
    )
    scores = diagnose(truth, detections, np.arange(1, 4)).scores
    assert scores.found[18] == 2
    assert scores.wrong[18] == scores.wrong.sum() == 1
    assert scores.precision[18] == pytest.approx(2 / 3)
    assert scores.calibration_error() == pytest.approx((0.92 + 0.94 + 0.92 - 2) / 3)


def test_scores_outside_0_to_1_have_their_bins() -> None:
    scores = diagnose(skirt_truth(), found(skirt_truth(), 7.0), ONE_IMAGE).scores
    assert scores.edges[[0, -1]].tolist() == [0, 7]
    assert scores.found[-1] == 1


@pytest.mark.parametrize('seed', [0, 1, 2])
def test_breakdown_equals_plain_loops(seed: int) -> None:
    truth, near = random_rows(seed, images=40)
    rng = np.random.default_rng(seed + 100)
    far = replace(near, boxes_xywh=near.boxes_xywh + rng.normal(0, 25, (len(near), 1)))
    other = replace(near, labels=rng.integers(0, 13, len(near)))
    count = int(DEEPFASHION2.num_keypoints[other.labels].sum())
    other = replace(other, keypoints=np.zeros((count, 2)))
    half = replace(near, keypoints=near.keypoints + rng.normal(0, 10, near.keypoints.shape))
    detections = DetectionRows.concatenate([other, half, near, far])
    errors = diagnose(truth, detections, np.arange(1, 41)).errors
    expected = _plain_breakdown(truth, detections)
    assert errors.detection_class.tolist() == expected
    assert len(Counter(expected)) == len(DETECTION_CLASSES) + 1
    assert errors.detections.sum() == np.count_nonzero(errors.detection_class >= 0)


def test_empty_sets_and_detectors_without_landmarks() -> None:
    nothing = diagnose(TruthRows.concatenate([]), DetectionRows.concatenate([]), ONE_IMAGE)
    assert nothing.errors.detections.sum() == nothing.confusion.sum() == 0
    assert nothing.worst_images(3).tolist() == []
    json.dumps(nothing.to_json(), allow_nan=False)
    boxes = diagnose(skirt_truth(), replace(SKIRT_FOUND, keypoints=None), ONE_IMAGE)
    assert boxes.visible is None
    assert boxes.errors.detection_class.tolist() == [0]
    assert 'visible' not in boxes.to_json()['landmarks']


def test_json_holds_plain_numbers() -> None:
    content = diagnose(*random_rows(3), np.arange(1, 13)).to_json()
    json.dumps(content, allow_nan=False)
    counts = content['errors']['overall']['detections']
    assert tuple(counts) == DETECTION_CLASSES
    per_category = content['errors']['per_category'].values()
    assert sum(c['detections']['correct'] for c in per_category) == counts['correct'] > 0


def test_bad_rows_are_named() -> None:
    with pytest.raises(ValueError, match='detections: image id 1 is not among'):
        diagnose(TruthRows.concatenate([]), SKIRT_FOUND, np.array([2]))


def _plain_breakdown(truth: TruthRows, detections: DetectionRows) -> list[int]:
    """One detection after the other, as the module's text says it."""
    code = {name: number for number, name in enumerate(DETECTION_CLASSES)}
    result, taken = [NOT_COUNTED] * len(detections), set()
    for d in np.argsort(-detections.scores, kind='stable').tolist():
        if detections.scores[d] < 0.3:
            continue
        same_image = np.flatnonzero(truth.image_ids == detections.image_ids[d]).tolist()
        own = {t: _plain_overlap(detections, d, truth, t) for t in same_image}
        crowd = [iou for t, iou in own.items() if truth.crowd[t]]
        own = {t: iou for t, iou in own.items() if not truth.crowd[t]}
        other = [iou for t, iou in own.items() if truth.labels[t] != detections.labels[d]]
        own = {t: iou for t, iou in own.items() if truth.labels[t] == detections.labels[d]}
        free = [t for t, iou in own.items() if iou >= 0.5 and t not in taken]
        if free:
            best = max(free, key=lambda t: (own[t], t))
            taken.add(best)
            name = 'correct' if _plain_oks(detections, d, truth, best) >= 0.5 else 'landmarks_off'
        elif max(crowd, default=0) >= 0.5:
            continue
        elif max(own.values(), default=0) >= 0.5:
            name = 'duplicate'
        elif max(own.values(), default=0) >= 0.1:
            name = 'box_off'
        elif max(other, default=0) >= 0.5:
            name = 'wrong_category'
        elif max(other, default=0) >= 0.1:
            name = 'wrong_category_and_box'
        else:
            name = 'background'
        result[d] = code[name]
    return result


def _plain_overlap(detections: DetectionRows, d: int, truth: TruthRows, t: int) -> float:
    a, b = detections.boxes_xywh[d].astype(float), truth.boxes_xywh[t].astype(float)
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    whole = a[2] * a[3] if truth.crowd[t] else a[2] * a[3] + b[2] * b[3] - shared
    return float(shared / whole)


def _plain_oks(detections: DetectionRows, d: int, truth: TruthRows, t: int) -> float:
    start, stop = keypoint_offsets(truth.labels, DEEPFASHION2)[t : t + 2]
    first, last = keypoint_offsets(detections.labels, DEEPFASHION2)[d : d + 2]
    own = truth.keypoints[start:stop].astype(float)
    if not own[:, 2].any():
        return 1.0
    area = float(truth.boxes_xywh[t, 2] * truth.boxes_xywh[t, 3])
    sigmas = DEEPFASHION2.sigmas[truth.labels[t], : stop - start]
    detected = detections.keypoints[None, first:last].astype(float)
    return float(object_keypoint_similarity(detected, own, area, sigmas)[0])
