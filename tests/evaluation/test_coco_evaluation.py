# SPDX-License-Identifier: Apache-2.0
"""The three evaluations on garments that can be followed by hand, and against plain pycocotools."""

from __future__ import annotations

import contextlib
import io
import math
from dataclasses import replace

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from deepmark.evaluation.coco_evaluation import (
    BOXES,
    VISIBLE,
    VISIBLE_AND_OCCLUDED,
    evaluate,
    visible_only,
)
from deepmark.evaluation.garment_rows import DetectionRows, TruthRows, keypoint_offsets
from deepmark.schema import DEEPFASHION2

from .garment_examples import SKIRT, TROUSERS, found, random_rows, skirt_truth

ONE_IMAGE = np.array([1])
NO_DETECTIONS = DetectionRows.concatenate([])


def test_perfect_predictions_have_ap_one() -> None:
    truth = TruthRows.concatenate([skirt_truth(1), skirt_truth(2, x=30)])
    figures = evaluate(truth, found(truth), np.array([1, 2]))
    assert set(figures) == {BOXES, VISIBLE, VISIBLE_AND_OCCLUDED}
    assert [figures[name]['AP'] for name in figures] == pytest.approx([1, 1, 1])
    per_category = figures[VISIBLE]['AP_per_category']
    assert per_category[SKIRT] == pytest.approx(1)
    assert per_category[TROUSERS] == -1  # nothing to find


def test_no_predictions_have_ap_zero() -> None:
    figures = evaluate(skirt_truth(), NO_DETECTIONS, ONE_IMAGE)
    assert [figures[name]['AP'] for name in figures] == [0, 0, 0]
    assert figures[BOXES]['AR_100'] == 0


def test_no_truth_gives_minus_one() -> None:
    figures = evaluate(TruthRows.concatenate([]), found(skirt_truth()), ONE_IMAGE)
    assert {figures[name]['AP'] for name in figures} == {-1}


def test_one_landmark_off_by_a_known_oks() -> None:
    truth = skirt_truth()
    sigma = DEEPFASHION2.sigmas[SKIRT, 0]
    detections = found(truth)
    keypoints = detections.keypoints.copy()
    # the first landmark's similarity becomes 1/2: OKS = 7.5 / 8 = .9375, 9 of the 10 thresholds
    keypoints[0, 1] += math.sqrt(2 * 5000 * (2 * sigma) ** 2 * math.log(2))
    figures = evaluate(truth, replace(detections, keypoints=keypoints), ONE_IMAGE)
    assert figures[VISIBLE_AND_OCCLUDED]['AP'] == pytest.approx(0.9)
    assert figures[BOXES]['AP'] == pytest.approx(1)


def test_box_with_iou_of_62_percent_passes_three_of_ten_thresholds() -> None:
    truth = skirt_truth()
    detections = replace(found(truth), boxes_xywh=np.array([[0, 0, 62, 50]], float))
    figures = evaluate(truth, detections, ONE_IMAGE)[BOXES]
    assert figures['AP'] == pytest.approx(0.3)
    assert (figures['AP50'], figures['AP75']) == (pytest.approx(1), 0)


def test_occluded_landmarks_count_only_in_visible_and_occluded() -> None:
    truth = skirt_truth()
    truth.keypoints[4:, 2] = 1
    detections = found(truth)
    detections.keypoints[4:] += 1000  # the four occluded ones are lost: OKS 1/2 with them
    figures = evaluate(truth, detections, ONE_IMAGE)
    assert figures[VISIBLE]['AP'] == pytest.approx(1)
    assert figures[VISIBLE_AND_OCCLUDED]['AP'] == pytest.approx(0.1)  # only the threshold .50


def test_visible_only_zeroes_occluded_landmarks_and_leaves_its_input() -> None:
    truth = skirt_truth()
    truth.keypoints[0, 2] = 1
    visible = visible_only(truth)
    assert visible.keypoints[0].tolist() == [0, 0, 0]
    assert visible.keypoints[1].tolist() == [10, 20, 2]
    assert truth.keypoints[0].tolist() == [0, 20, 1]


def test_a_better_false_alarm_in_an_image_without_truth_halves_precision() -> None:
    truth = skirt_truth(1)
    alarm = found(skirt_truth(2), score=0.95)
    detections = DetectionRows.concatenate([found(truth), alarm])
    figures = evaluate(truth, detections, np.array([1, 2]))
    assert figures[BOXES]['AP'] == pytest.approx(0.5)


def test_equal_scores_keep_the_order_of_the_rows() -> None:
    truth = skirt_truth()
    good, bad = found(truth), found(skirt_truth(x=500))
    first_good = evaluate(truth, DetectionRows.concatenate([good, bad]), ONE_IMAGE)
    first_bad = evaluate(truth, DetectionRows.concatenate([bad, good]), ONE_IMAGE)
    assert first_good[BOXES]['AP'] == pytest.approx(1)
    assert first_bad[BOXES]['AP'] == pytest.approx(0.5)


def test_crowd_garments_are_neither_found_nor_missed() -> None:
    truth = TruthRows.concatenate(
        [skirt_truth(), replace(skirt_truth(x=300), crowd=np.array([True]))]
    )
    figures = evaluate(truth, found(truth), ONE_IMAGE)
    assert figures[BOXES]['AP'] == pytest.approx(1)
    assert evaluate(truth, found(skirt_truth()), ONE_IMAGE)[BOXES]['AP'] == pytest.approx(1)


def test_a_garment_without_landmarks_makes_a_false_positive_in_official_mode_only() -> None:
    unlabelled = skirt_truth(x=300, visibility=0)
    truth = TruthRows.concatenate([skirt_truth(), unlabelled])
    on_it = found(skirt_truth(x=300), score=0.95)
    detections = DetectionRows.concatenate([found(skirt_truth()), on_it])
    official = evaluate(truth, detections, ONE_IMAGE)[VISIBLE_AND_OCCLUDED]
    own_slots = evaluate(truth, detections, ONE_IMAGE, slots='own_slots')[VISIBLE_AND_OCCLUDED]
    assert official['AP'] == pytest.approx(0.5)
    assert own_slots['AP'] == pytest.approx(1)


def test_detectors_without_landmarks_get_box_figures_only() -> None:
    truth = skirt_truth()
    assert set(evaluate(truth, replace(found(truth), keypoints=None), ONE_IMAGE)) == {BOXES}


@pytest.mark.parametrize('seed', [0, 1])
def test_figures_equal_plain_pycocotools_with_dense_landmarks(seed: int) -> None:
    truth, detections = random_rows(seed)
    image_ids = np.arange(1, 13)
    figures = evaluate(truth, detections, image_ids)
    assert figures[BOXES]['AP'] == _plain_pycocotools(truth, detections, image_ids, 'bbox')
    assert figures[VISIBLE_AND_OCCLUDED]['AP'] == _plain_pycocotools(
        truth, detections, image_ids, 'keypoints'
    )
    assert 0.05 < figures[VISIBLE_AND_OCCLUDED]['AP'] < 0.95


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'labels': np.array([13])}, 'label 13'),
        ({'labels': np.array([-1])}, 'label -1'),
        ({'image_ids': np.array([7])}, 'image id 7 is not among'),
        ({'scores': np.array([np.nan])}, r'scores holds NaN or infinity \(image id 1\)'),
        ({'keypoints': np.full((8, 2), np.inf)}, r'keypoints holds NaN or infinity \(image id 1\)'),
        ({'keypoints': np.zeros((7, 2))}, r'keypoints has the shape \(7, 2\), expected \(8, 2\)'),
    ],
)
def test_bad_detections_are_named(change: dict[str, np.ndarray], message: str) -> None:
    truth = skirt_truth()
    with pytest.raises(ValueError, match=f'detections: .*{message}'):
        evaluate(truth, replace(found(truth), **change), ONE_IMAGE)


def test_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="'official' or 'own_slots'"):
        evaluate(skirt_truth(), NO_DETECTIONS, ONE_IMAGE, slots='dense')  # type: ignore[arg-type]


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(skirt_truth(), found(skirt_truth()), ONE_IMAGE)
    assert capsys.readouterr().out == ''


def _plain_pycocotools(
    truth: TruthRows, detections: DetectionRows, image_ids: np.ndarray, iou_type: str
) -> float:
    schema = DEEPFASHION2
    annotations = _dense_records(truth, schema.slot_offsets)
    results = _dense_records(detections, schema.slot_offsets)
    for record, crowd in zip(annotations, truth.crowd.tolist(), strict=True):
        record.update(iscrowd=int(crowd), area=record['bbox'][2] * record['bbox'][3])
        record['num_keypoints'] = sum(v > 0 for v in record['keypoints'][2::3])
    for record, score in zip(results, detections.scores.tolist(), strict=True):
        record['score'] = score
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            'images': [{'id': int(i)} for i in image_ids],
            'annotations': annotations,
            'categories': [{'id': c} for c in range(schema.num_categories)],
        }
        coco.createIndex()
        evaluator = COCOeval(coco, coco.loadRes(results), iou_type)
        evaluator.params.kpt_oks_sigmas = schema.slot_sigmas
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return float(evaluator.stats[0])


def _dense_records(rows: TruthRows | DetectionRows, slot_offsets: np.ndarray) -> list[dict]:
    offsets = keypoint_offsets(rows.labels, DEEPFASHION2)
    records = []
    for n, label in enumerate(rows.labels.tolist()):
        dense = np.zeros((slot_offsets[-1], 3))
        own = rows.keypoints[offsets[n] : offsets[n + 1]]
        dense[slot_offsets[label] : slot_offsets[label + 1], : own.shape[1]] = own
        records.append(
            {
                'id': n + 1,
                'image_id': int(rows.image_ids[n]),
                'category_id': label,
                'bbox': rows.boxes_xywh[n].astype(float).tolist(),
                'keypoints': dense.ravel().tolist(),
            }
        )
    return records
