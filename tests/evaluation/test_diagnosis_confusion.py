# SPDX-License-Identifier: Apache-2.0
"""The confusion matrix: by hand, and equal to hotcoco's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepmark.evaluation.diagnosis import diagnose
from deepmark.evaluation.garment_rows import DetectionRows, TruthRows
from deepmark.schema import DEEPFASHION2

from .diagnosis_examples import SHORTS, as_shorts
from .garment_examples import SKIRT, found, random_rows, skirt_truth

BACKGROUND = DEEPFASHION2.num_categories


def test_confusion_by_hand() -> None:
    # image 1: found; image 2: taken for shorts; image 3: missed, and a false alarm elsewhere
    truth = TruthRows.concatenate([skirt_truth(1), skirt_truth(2), skirt_truth(3)])
    detections = DetectionRows.concatenate(
        [found(skirt_truth(1)), as_shorts(found(skirt_truth(2))), found(skirt_truth(3, x=500))]
    )
    matrix = diagnose(truth, detections, np.arange(1, 4)).confusion
    assert matrix.shape == (BACKGROUND + 1, BACKGROUND + 1)
    assert matrix[SKIRT, SKIRT] == matrix[SKIRT, SHORTS] == matrix[SKIRT, BACKGROUND] == 1
    assert matrix[BACKGROUND, SKIRT] == 1
    assert matrix.sum() == 4


def test_the_better_score_takes_the_garment_whatever_its_category() -> None:
    truth = skirt_truth()
    both = DetectionRows.concatenate([found(truth, 0.8), as_shorts(found(truth, 0.9))])
    matrix = diagnose(truth, both, np.array([1])).confusion
    assert matrix[SKIRT, SHORTS] == matrix[BACKGROUND, SKIRT] == 1


def test_low_scores_and_crowd_garments_do_not_count() -> None:
    truth = skirt_truth()
    assert diagnose(truth, found(truth, 0.29), np.array([1])).confusion[SKIRT, BACKGROUND] == 1
    crowd = replace(truth, crowd=np.array([True]))
    assert diagnose(crowd, found(truth), np.array([1])).confusion.sum() == 0


@pytest.mark.parametrize('seed', [0, 1, 2])
@pytest.mark.parametrize('threshold', [0.0, 0.5])
def test_equal_to_hotcoco(seed: int, threshold: float) -> None:
    hotcoco = pytest.importorskip('hotcoco', reason='hotcoco is not installed')
    truth, detections = random_rows(seed, images=60)
    truth = replace(truth, crowd=np.zeros(len(truth), np.bool_))
    detections = _with_wrong_labels(detections, seed)
    coco = hotcoco.COCO.from_arrays(
        [{'id': i, 'width': 400, 'height': 400} for i in range(1, 61)],
        [{'id': c + 1, 'name': f'c{c}'} for c in range(BACKGROUND)],
        truth.image_ids,
        truth.labels + 1,
        truth.boxes_xywh.astype(np.float64),
    )
    rows = np.column_stack(
        [detections.image_ids, detections.boxes_xywh, detections.scores, detections.labels + 1]
    )
    evaluator = hotcoco.COCOeval(coco, coco.load_res(rows.astype(np.float64)), 'bbox')
    expected = evaluator.confusion_matrix(iou_thr=0.5, max_det=10_000, min_score=threshold)
    found_matrix = diagnose(
        truth, detections, np.arange(1, 61), score_threshold=threshold
    ).confusion
    assert found_matrix.tolist() == expected['matrix'].tolist()
    assert np.trace(found_matrix) > 30
    assert found_matrix[:-1, :-1].sum() > np.trace(found_matrix)


def _with_wrong_labels(detections: DetectionRows, seed: int) -> DetectionRows:
    rng = np.random.default_rng(seed + 100)  # not the seed that drew the labels
    other = rng.integers(0, BACKGROUND, len(detections))
    labels = np.where(rng.random(len(detections)) < 0.7, detections.labels, other)
    return replace(detections, labels=labels, keypoints=None)
