# SPDX-License-Identifier: Apache-2.0
"""The three evaluations on garments that can be followed by hand, and against plain pycocotools."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from deepmark.benchmarks.plain_pycocotools import dense_files, evaluate_dense_files
from deepmark.evaluation import coco_evaluation
from deepmark.evaluation.coco_evaluation import (
    BOXES,
    VISIBLE,
    VISIBLE_AND_OCCLUDED,
    Evaluator,
    Figures,
    figures_of,
)
from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.garment_rows import DetectionRows, TruthRows, visible_only
from deepmark.schema import DEEPFASHION2, SchemaError

from .garment_examples import SKIRT, TROUSERS, found, random_rows, skirt_truth

ONE_IMAGE = np.array([1])
NO_DETECTIONS = DetectionRows.concatenate([])
Evaluate = Callable[..., dict[str, Figures]]


@pytest.fixture(params=['fast', 'pycocotools'])
def evaluate(request: pytest.FixtureRequest) -> Evaluate:
    """The evaluation by each library."""
    if request.param == 'fast':
        pytest.importorskip('hotcoco')
    return partial(coco_evaluation.evaluate, backend=request.param)


def test_perfect_predictions_have_ap_one(evaluate: Evaluate) -> None:
    truth = TruthRows.concatenate([skirt_truth(1), skirt_truth(2, x=30)])
    figures = evaluate(truth, found(truth), np.array([1, 2]))
    assert set(figures) == {BOXES, VISIBLE, VISIBLE_AND_OCCLUDED}
    assert [figures[name]['AP'] for name in figures] == pytest.approx([1, 1, 1])
    per_category = figures[VISIBLE]['AP_per_category']
    assert per_category[SKIRT] == pytest.approx(1)
    assert per_category[TROUSERS] == -1  # nothing to find


def test_no_predictions_have_ap_zero(evaluate: Evaluate) -> None:
    figures = evaluate(skirt_truth(), NO_DETECTIONS, ONE_IMAGE)
    assert [figures[name]['AP'] for name in figures] == [0, 0, 0]
    assert figures[BOXES]['AR_100'] == 0


def test_no_truth_gives_minus_one(evaluate: Evaluate) -> None:
    figures = evaluate(TruthRows.concatenate([]), found(skirt_truth()), ONE_IMAGE)
    assert {figures[name]['AP'] for name in figures} == {-1}


def test_one_landmark_off_by_a_known_oks(evaluate: Evaluate) -> None:
    truth = skirt_truth()
    sigma = DEEPFASHION2.sigmas[SKIRT, 0]
    detections = found(truth)
    keypoints = detections.keypoints.copy()
    # the first landmark's similarity becomes 1/2: OKS = 7.5 / 8 = .9375, 9 of the 10 thresholds
    keypoints[0, 1] += math.sqrt(2 * 5000 * (2 * sigma) ** 2 * math.log(2))
    figures = evaluate(truth, replace(detections, keypoints=keypoints), ONE_IMAGE)
    assert figures[VISIBLE_AND_OCCLUDED]['AP'] == pytest.approx(0.9)
    assert figures[BOXES]['AP'] == pytest.approx(1)


def test_box_with_iou_of_62_percent_passes_three_of_ten_thresholds(evaluate: Evaluate) -> None:
    truth = skirt_truth()
    detections = replace(found(truth), boxes_xywh=np.array([[0, 0, 62, 50]], float))
    figures = evaluate(truth, detections, ONE_IMAGE)[BOXES]
    assert figures['AP'] == pytest.approx(0.3)
    assert (figures['AP50'], figures['AP75']) == (pytest.approx(1), 0)


def test_occluded_landmarks_count_only_in_visible_and_occluded(evaluate: Evaluate) -> None:
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


def test_a_better_false_alarm_in_an_image_without_truth_halves_precision(
    evaluate: Evaluate,
) -> None:
    truth = skirt_truth(1)
    alarm = found(skirt_truth(2), score=0.95)
    detections = DetectionRows.concatenate([found(truth), alarm])
    figures = evaluate(truth, detections, np.array([1, 2]))
    assert figures[BOXES]['AP'] == pytest.approx(0.5)


def test_equal_scores_keep_the_order_of_the_rows(evaluate: Evaluate) -> None:
    truth = skirt_truth()
    good, bad = found(truth), found(skirt_truth(x=500))
    first_good = evaluate(truth, DetectionRows.concatenate([good, bad]), ONE_IMAGE)
    first_bad = evaluate(truth, DetectionRows.concatenate([bad, good]), ONE_IMAGE)
    assert first_good[BOXES]['AP'] == pytest.approx(1)
    assert first_bad[BOXES]['AP'] == pytest.approx(0.5)


@pytest.mark.parametrize(('place', 'recall'), [(99, 1.0), (100, 0.0)])
def test_a_hundred_boxes_of_an_image_and_category_are_looked_at(
    evaluate: Evaluate, place: int, recall: float
) -> None:
    truth = skirt_truth(1)
    count = 120
    boxes = np.tile([1000.0, 1000, 10, 10], (count, 1))
    boxes[place] = truth.boxes_xywh[0]
    detections = DetectionRows(
        image_ids=np.full(count, 1),
        labels=np.full(count, SKIRT),
        boxes_xywh=boxes,
        scores=np.linspace(0.9, 0.1, count),
        keypoints=None,
    )
    assert evaluate(truth, detections, np.array([1]))['bbox']['AR_100'] == recall


def test_crowd_garments_are_neither_found_nor_missed(evaluate: Evaluate) -> None:
    truth = TruthRows.concatenate(
        [skirt_truth(), replace(skirt_truth(x=300), crowd=np.array([True]))]
    )
    figures = evaluate(truth, found(truth), ONE_IMAGE)
    assert figures[BOXES]['AP'] == pytest.approx(1)
    assert evaluate(truth, found(skirt_truth()), ONE_IMAGE)[BOXES]['AP'] == pytest.approx(1)


def test_a_garment_without_landmarks_makes_a_false_positive_in_official_mode_only(
    evaluate: Evaluate,
) -> None:
    unlabelled = skirt_truth(x=300, visibility=0)
    truth = TruthRows.concatenate([skirt_truth(), unlabelled])
    on_it = found(skirt_truth(x=300), score=0.95)
    detections = DetectionRows.concatenate([found(skirt_truth()), on_it])
    official = evaluate(truth, detections, ONE_IMAGE)[VISIBLE_AND_OCCLUDED]
    own_slots = evaluate(truth, detections, ONE_IMAGE, slots='own_slots')[VISIBLE_AND_OCCLUDED]
    assert official['AP'] == pytest.approx(0.5)
    assert own_slots['AP'] == pytest.approx(1)


def test_detectors_without_landmarks_get_box_figures_only(evaluate: Evaluate) -> None:
    truth = skirt_truth()
    assert set(evaluate(truth, replace(found(truth), keypoints=None), ONE_IMAGE)) == {BOXES}


@pytest.mark.parametrize('seed', [0, 1])
def test_all_figures_equal_plain_pycocotools_with_dense_landmarks(
    evaluate: Evaluate, seed: int
) -> None:
    truth, detections = random_rows(seed)
    image_ids = np.arange(1, 13)
    files = dense_files(truth, detections, image_ids, DEEPFASHION2)
    expected = evaluate_dense_files(files, DEEPFASHION2)
    figures = evaluate(truth, detections, image_ids)
    assert figures == {name: figures_of(name, curves) for name, curves in expected.items()}
    assert 0.05 < figures[VISIBLE_AND_OCCLUDED]['AP'] < 0.95


def test_precision_by_recall() -> None:
    truth = TruthRows.concatenate([skirt_truth(1), skirt_truth(2)])
    evaluator = Evaluator(truth, found(skirt_truth(1)), np.array([1, 2]))
    precision = evaluator.precision(BOXES)
    assert precision.shape == (10, 101, DEEPFASHION2.num_categories)
    assert precision[0, :51, SKIRT].tolist() == pytest.approx([1] * 51)  # recall 0 .. 0.5
    assert (precision[:, 51:, SKIRT] == 0).all()
    assert (precision[:, :, TROUSERS] == -1).all()


def test_precision_of_landmarks_needs_landmarks() -> None:
    truth = skirt_truth()
    evaluator = Evaluator(truth, replace(found(truth), keypoints=None), ONE_IMAGE)
    with pytest.raises(EvaluationError, match="'keypoints_visible' is not evaluated, but bbox"):
        evaluator.precision(VISIBLE)


def test_a_schema_without_sigmas_is_refused_before_anything_is_evaluated() -> None:
    schema = {'name': 'mine', 'categories': [{'id': 9, 'name': 'skirt', 'num_keypoints': 8}]}
    with pytest.raises(SchemaError, match="category 9 'skirt': the key 'sigmas' is missing"):
        coco_evaluation.evaluate(skirt_truth(), NO_DETECTIONS, ONE_IMAGE, schema)  # type: ignore[arg-type]


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
    with pytest.raises(EvaluationError, match=f'detections: .*{message}'):
        coco_evaluation.evaluate(truth, replace(found(truth), **change), ONE_IMAGE)


def test_unknown_mode_is_refused() -> None:
    with pytest.raises(EvaluationError, match="'official' or 'own_slots'"):
        coco_evaluation.evaluate(skirt_truth(), NO_DETECTIONS, ONE_IMAGE, slots='dense')  # type: ignore[arg-type]
