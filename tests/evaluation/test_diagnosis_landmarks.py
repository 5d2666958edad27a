# SPDX-License-Identifier: Apache-2.0
"""NME and PCK on garments that can be followed by hand, and against plain loops."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from deepmark.evaluation.diagnosis import diagnose
from deepmark.evaluation.diagnosis.landmark_errors import CURVE_THRESHOLDS
from deepmark.evaluation.garment_rows import DetectionRows, TruthRows, keypoint_offsets
from deepmark.schema import DEEPFASHION2

from .garment_examples import SKIRT, TROUSERS, found, random_rows, skirt_truth

ONE_IMAGE = np.array([1])
SIDE = math.sqrt(100 * 50)
FIRST_SLOT = int(DEEPFASHION2.slot_offsets[SKIRT])


def with_first_landmark_off(truth: TruthRows, pixels: float) -> DetectionRows:
    detections = found(truth)
    assert detections.keypoints is not None
    detections.keypoints[0, 1] += pixels
    return detections


def test_nme_and_pck_by_hand() -> None:
    truth = skirt_truth()
    diagnosis = diagnose(truth, with_first_landmark_off(truth, 0.15 * SIDE), ONE_IMAGE)
    errors = diagnosis.visible_and_occluded
    assert errors is not None
    assert errors.count == 8
    assert errors.nme == pytest.approx(0.15 / 8)
    assert errors.pck.tolist() == [7 / 8, 7 / 8, 1]
    assert errors.nme_per_category[SKIRT] == pytest.approx(0.15 / 8)
    assert np.isnan(errors.nme_per_category[TROUSERS])
    assert errors.nme_per_slot[FIRST_SLOT : FIRST_SLOT + 8] == pytest.approx([0.15] + [0] * 7)
    assert errors.count_per_slot.sum() == errors.count_per_category[SKIRT] == 8
    assert errors.pck_per_slot[FIRST_SLOT].tolist() == [0, 0, 1]
    expected_curve = np.where(CURVE_THRESHOLDS > 0.15 + 1e-9, 1, 7 / 8)
    expected_curve[0] = 0  # no error is below zero
    close = np.isclose(CURVE_THRESHOLDS, 0.15)
    assert errors.curve[~close].tolist() == expected_curve[~close].tolist()


@pytest.mark.parametrize(
    ('normalizer', 'size'),
    [('sqrt_area', SIDE), ('diagonal', math.hypot(100, 50)), ('longest_side', 100)],
)
def test_normalizers(normalizer: str, size: float) -> None:
    truth = skirt_truth()
    detections = with_first_landmark_off(truth, 12)
    errors = diagnose(truth, detections, ONE_IMAGE, normalizer=normalizer).visible
    assert errors is not None
    assert errors.nme == pytest.approx(12 / size / 8)


def test_unknown_normalizer_is_refused() -> None:
    with pytest.raises(ValueError, match="normalizer is 'torso', must be one of sqrt_area"):
        diagnose(skirt_truth(), found(skirt_truth()), ONE_IMAGE, normalizer='torso')


def test_occluded_landmarks_are_in_one_of_the_two_only_and_unlabelled_in_none() -> None:
    truth = skirt_truth()
    truth.keypoints[0, 2], truth.keypoints[1, 2] = 1, 0
    diagnosis = diagnose(truth, with_first_landmark_off(truth, 0.15 * SIDE), ONE_IMAGE)
    assert diagnosis.visible is not None
    assert diagnosis.visible_and_occluded is not None
    assert (diagnosis.visible.count, diagnosis.visible.nme) == (6, 0)
    assert diagnosis.visible_and_occluded.count == 7
    assert diagnosis.visible_and_occluded.nme == pytest.approx(0.15 / 7)


def test_missed_garments_are_not_in_it_but_in_the_share() -> None:
    truth = TruthRows.concatenate([skirt_truth(1), skirt_truth(2), skirt_truth(3, visibility=0)])
    detections = DetectionRows.concatenate([found(skirt_truth(1)), found(skirt_truth(2, x=400))])
    diagnosis = diagnose(truth, detections, np.arange(1, 4))
    assert diagnosis.visible is not None
    assert (diagnosis.visible.count, diagnosis.visible.nme) == (8, 0)
    assert (diagnosis.matched_garments[SKIRT], diagnosis.labelled_garments[SKIRT]) == (1, 2)
    landmarks = diagnosis.to_json()['landmarks']
    assert (landmarks['matched_garments'], landmarks['labelled_garments']) == (1, 2)
    assert landmarks['visible']['per_category']['trousers']['NME'] is None


def test_a_detection_of_another_category_has_no_landmarks_to_compare() -> None:
    truth = skirt_truth()
    count = int(DEEPFASHION2.num_keypoints[TROUSERS])
    detections = replace(found(truth), labels=np.array([TROUSERS]), keypoints=np.zeros((count, 2)))
    errors = diagnose(truth, detections, ONE_IMAGE).visible
    assert errors is not None
    assert errors.count == 0
    assert np.isnan(errors.nme)


def test_pooled_errors_equal_plain_loops() -> None:
    truth, detections = random_rows(5, images=30)
    truth = replace(truth, crowd=np.zeros(len(truth), np.bool_))
    offsets = keypoint_offsets(truth.labels, DEEPFASHION2)
    # row n was made from truth n and lies best on it; other garments seldom come near
    diagnosis = diagnose(truth, detections, np.arange(1, 31), score_threshold=0.0)
    found_rows = np.flatnonzero(diagnosis.errors.detection_class <= 1).tolist()
    errors = []
    for n in found_rows:
        size = math.sqrt(float(truth.boxes_xywh[n, 2] * truth.boxes_xywh[n, 3]))
        for p in range(offsets[n], offsets[n + 1]):
            if truth.keypoints[p, 2] > 0:
                step = detections.keypoints[p].astype(float) - truth.keypoints[p, :2].astype(float)
                errors.append(math.hypot(*step) / size)
    assert diagnosis.visible_and_occluded is not None
    assert diagnosis.visible_and_occluded.count == len(errors) > 500
    assert diagnosis.visible_and_occluded.nme == pytest.approx(np.mean(errors))
    shares = [np.mean(np.array(errors) < t) for t in (0.05, 0.1, 0.2)]
    assert diagnosis.visible_and_occluded.pck == pytest.approx(shares)
