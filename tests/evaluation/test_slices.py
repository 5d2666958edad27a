# SPDX-License-Identifier: Apache-2.0
"""Figures by scale, occlusion, zoom-in and viewpoint, followed by hand and by both libraries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from deepmark.evaluation import coco_evaluation
from deepmark.evaluation.attribute_levels import ATTRIBUTE_LEVELS
from deepmark.evaluation.coco_evaluation import BOXES, VISIBLE, VISIBLE_AND_OCCLUDED
from deepmark.evaluation.engines import SlotMode
from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.garment_rows import DetectionRows, TruthRows

from .garment_examples import SKIRT, found, skirt_truth
from .random_garments import IMAGES, difficult_rows

EVALUATIONS = (BOXES, VISIBLE, VISIBLE_AND_OCCLUDED)
Evaluator = Callable[..., coco_evaluation.Evaluator]


@pytest.fixture(params=['fast', 'pycocotools'])
def evaluator(request: pytest.FixtureRequest) -> Evaluator:
    """The evaluation by each library."""
    if request.param == 'fast':
        pytest.importorskip('hotcoco')
    return partial(coco_evaluation.Evaluator, backend=request.param)


def skirts(*scales: int, visibility: int = 2) -> TruthRows:
    """Skirts in images 1, 2, ... of these scales, everything else at level 1."""
    rows = TruthRows.concatenate(
        [skirt_truth(number, visibility=visibility) for number in range(1, len(scales) + 1)]
    )
    return replace(rows, attributes=np.array([(scale, 1, 1, 1) for scale in scales]))


def test_garments_of_other_levels_are_neither_found_nor_missed(evaluator: Evaluator) -> None:
    truth = skirts(1, 3, 3)
    found_two = found(TruthRows.concatenate([skirt_truth(1), skirt_truth(2)]))
    slices = evaluator(truth, found_two, np.array([1, 2, 3])).slices()
    for name in EVALUATIONS:
        small, large = slices['scale']['small'][name], slices['scale']['large'][name]
        assert (small['AP'], small['garments']) == (pytest.approx(1), 1)
        # recall .5 of 2 with precision 1: 51 of the 101 recall steps
        assert (large['AP'], large['garments']) == (pytest.approx(51 / 101), 2)
        assert slices['scale']['moderate'][name]['AP'] == -1
        assert slices['scale']['moderate'][name]['garments'] == 0


def test_a_better_alarm_on_nothing_is_wrong_in_every_slice(evaluator: Evaluator) -> None:
    truth = skirts(1, 3)
    alarm = found(skirt_truth(3), score=0.95)
    detections = DetectionRows.concatenate([found(truth), alarm])
    slices = evaluator(truth, detections, np.array([1, 2, 3])).slices()
    for name in EVALUATIONS:
        assert slices['scale']['small'][name]['AP'] == pytest.approx(0.5)
        assert slices['scale']['large'][name]['AP'] == pytest.approx(0.5)


def test_unknown_levels_are_in_no_slice(evaluator: Evaluator) -> None:
    truth = skirts(0, 1)
    slices = evaluator(truth, found(truth), np.array([1, 2])).slices()
    garments = [slices['scale'][level][BOXES]['garments'] for level in ATTRIBUTE_LEVELS['scale']]
    assert garments == [1, 0, 0]
    assert slices['scale']['small'][VISIBLE]['AP'] == pytest.approx(1)
    assert slices['occlusion']['slight'][BOXES]['garments'] == 2


def test_only_garments_that_can_be_found_are_counted(evaluator: Evaluator) -> None:
    occluded, unlabelled = skirts(2, visibility=1), skirts(2, visibility=0)
    truth = TruthRows.concatenate([skirts(2), occluded, unlabelled, skirts(2)])
    truth = replace(truth, image_ids=np.arange(1, 5), crowd=np.array([False, False, False, True]))
    of_level = evaluator(truth, found(truth), np.arange(1, 5)).slices()['scale']['moderate']
    assert [of_level[name]['garments'] for name in EVALUATIONS] == [3, 1, 2]


def test_figures_of_a_slice(evaluator: Evaluator) -> None:
    truth = skirts(1)
    half_as_wide = replace(found(truth), boxes_xywh=np.array([[0, 0, 62, 50]], float))
    of_level = evaluator(truth, half_as_wide, np.array([1])).slices()['scale']['small']
    boxes = of_level[BOXES]  # IoU .62 passes 3 of the 10 thresholds
    assert set(boxes) == {'AP', 'AP50', 'AP75', 'AP_per_category', 'garments'}
    assert (boxes['AP'], boxes['AP50'], boxes['AP75']) == pytest.approx((0.3, 1, 0))
    assert boxes['AP_per_category'][SKIRT] == pytest.approx(0.3)
    assert boxes['AP_per_category'].count(-1) == 12


def test_a_slice_with_all_garments_has_the_figures_of_the_whole(evaluator: Evaluator) -> None:
    truth, detections = difficult_rows(2)
    truth = replace(truth, attributes=np.full((len(truth), 4), 2))
    whole = evaluator(truth, detections, IMAGES)
    figures, slices = whole.figures(), whole.slices()
    for attribute, levels in ATTRIBUTE_LEVELS.items():
        for name in EVALUATIONS:
            of_level = slices[attribute][levels[1]][name]
            assert {key: of_level[key] for key in ('AP', 'AP50', 'AP75', 'AP_per_category')} == {
                key: figures[name][key] for key in ('AP', 'AP50', 'AP75', 'AP_per_category')
            }
            assert 0 < of_level['AP'] < 1


def test_slices_leave_the_figures_as_they_were(evaluator: Evaluator) -> None:
    truth, detections = difficult_rows(4)
    first = evaluator(truth, detections, IMAGES)
    first.slices()
    assert first.figures() == evaluator(truth, detections, IMAGES).figures()


@pytest.mark.parametrize('slots', ['official', 'own_slots'])
def test_both_libraries_give_the_same_slices(slots: SlotMode) -> None:
    pytest.importorskip('hotcoco')
    rows = (*difficult_rows(7), IMAGES)
    fast = coco_evaluation.Evaluator(*rows, slots=slots, backend='fast').slices()
    reference = coco_evaluation.Evaluator(*rows, slots=slots, backend='pycocotools').slices()
    assert set(fast) == set(ATTRIBUTE_LEVELS)
    for attribute, levels in ATTRIBUTE_LEVELS.items():
        assert tuple(fast[attribute]) == levels
        for level in levels:
            for name in EVALUATIONS:
                ours, theirs = fast[attribute][level][name], reference[attribute][level][name]
                for key, value in theirs.items():
                    assert ours[key] == pytest.approx(value, abs=1e-12), (level, name, key)


def test_detectors_without_landmarks_get_slices_of_boxes(evaluator: Evaluator) -> None:
    truth = skirts(1)
    slices = evaluator(truth, replace(found(truth), keypoints=None), np.array([1])).slices()
    assert set(slices['viewpoint']['no wear']) == {BOXES}


def test_truth_without_attributes_has_no_slices(evaluator: Evaluator) -> None:
    truth = skirt_truth()
    with pytest.raises(EvaluationError, match='states no attributes'):
        evaluator(truth, found(truth), np.array([1])).slices()


def test_a_level_that_does_not_exist_is_named(evaluator: Evaluator) -> None:
    truth = skirts(4)
    with pytest.raises(EvaluationError, match=r'attributes holds 4, must be 0 \.\. 3'):
        evaluator(truth, found(truth), np.array([1])).slices()


def test_parts_without_attributes_are_unknown() -> None:
    joined = TruthRows.concatenate([skirt_truth(1), skirts(3)])
    assert joined.attributes is not None
    assert joined.attributes.tolist() == [[0, 0, 0, 0], [3, 1, 1, 1]]
    assert TruthRows.concatenate([skirt_truth(1)]).attributes is None
