# SPDX-License-Identifier: Apache-2.0
"""hotcoco and pycocotools give the same curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepmark.evaluation.coco_evaluation import BOXES, VISIBLE, VISIBLE_AND_OCCLUDED, Evaluator
from deepmark.evaluation.engines import EvaluationInput, SlotMode, open_engine
from deepmark.evaluation.garment_rows import DetectionRows, TruthRows
from deepmark.schema import DEEPFASHION2, LandmarkSchema

from .garment_examples import found, random_rows, skirt_truth
from .random_garments import IMAGES, difficult_rows

pytest.importorskip('hotcoco')

EVALUATIONS = (BOXES, VISIBLE, VISIBLE_AND_OCCLUDED)
ROUNDING = 1e-12  # of a mean over landmarks; a match more or less moves precision by far more


@pytest.mark.parametrize('slots', ['official', 'own_slots'])
@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), truths=st.integers(1, 60), detections=st.integers(0, 200))
def test_both_engines_give_the_same_curves(
    slots: SlotMode, seed: int, truths: int, detections: int
) -> None:
    rows = EvaluationInput(*difficult_rows(seed, truths, detections), IMAGES, DEEPFASHION2, slots)
    assert _largest_difference(rows) <= ROUNDING


@pytest.mark.parametrize('slots', ['official', 'own_slots'])
def test_more_detections_than_the_limits_of_an_image_and_category(slots: SlotMode) -> None:
    truth, detections = difficult_rows(5, crowded=130)
    largest = np.unique(
        np.stack([detections.image_ids, detections.labels]), axis=1, return_counts=True
    )
    assert largest[1].max() > 100
    rows = EvaluationInput(truth, detections, IMAGES, DEEPFASHION2, slots)
    assert _largest_difference(rows) <= ROUNDING
    recall = open_engine(rows, 'fast').curves(VISIBLE).recall[:, 0, 0, 0]
    assert 0 < recall.mean() < 1


def test_rows_in_single_precision() -> None:
    rows = EvaluationInput(*random_rows(3), np.arange(1, 13), DEEPFASHION2, 'official')
    assert rows.detections.keypoints is not None
    assert rows.detections.keypoints.dtype == np.float32
    assert _largest_difference(rows) <= ROUNDING


@pytest.mark.parametrize('backend', ['fast', 'pycocotools'])
@pytest.mark.parametrize('evaluation', EVALUATIONS)
def test_without_rows_there_is_nothing_to_find(backend: str, evaluation: str) -> None:
    rows = EvaluationInput(
        TruthRows.concatenate([]),
        DetectionRows.concatenate([]),
        np.array([1]),
        DEEPFASHION2,
        'official',
    )
    curves = open_engine(rows, backend).curves(evaluation)  # type: ignore[arg-type]
    limits = 3 if evaluation == BOXES else 1
    areas = 4 if evaluation == BOXES else 3
    assert curves.precision.shape == (10, 101, 13, areas, limits)
    assert curves.recall.shape == (10, 13, areas, limits)
    assert (curves.precision == -1).all()
    assert (curves.recall == -1).all()


@pytest.mark.parametrize('slots', ['official', 'own_slots'])
def test_a_schema_of_one_category(slots: SlotMode, one_category: LandmarkSchema) -> None:
    truth = replace(skirt_truth(), labels=np.array([0]))
    unlabelled = replace(skirt_truth(2, visibility=0), labels=np.array([0]))
    both = TruthRows.concatenate([truth, unlabelled])
    rows = EvaluationInput(both, found(both), np.array([1, 2]), one_category, slots)
    assert _largest_difference(rows) <= ROUNDING
    assert open_engine(rows, 'fast').curves(VISIBLE).recall.max() == 1


@pytest.mark.parametrize('backend', ['fast', 'pycocotools'])
def test_nothing_is_written_to_the_terminal(
    backend: str, capfd: pytest.CaptureFixture[str]
) -> None:
    truth, detections = difficult_rows(1)
    evaluator = Evaluator(truth, detections, IMAGES, backend=backend)  # type: ignore[arg-type]
    evaluator.figures()
    evaluator.slices()
    assert capfd.readouterr() == ('', '')


@pytest.fixture
def one_category() -> LandmarkSchema:
    return LandmarkSchema('skirts', [DEEPFASHION2.categories[8]])


def _largest_difference(rows: EvaluationInput) -> float:
    """Over all curves, whole and of a slice."""
    fast, reference = open_engine(rows, 'fast'), open_engine(rows, 'pycocotools')
    slice_ignores = np.arange(len(rows.truth)) % 3 > 0
    differences = []
    for evaluation in EVALUATIONS:
        for ignored in (None, slice_ignores):
            pairs = zip(
                fast.curves(evaluation, ignored), reference.curves(evaluation, ignored), strict=True
            )
            for ours, theirs in pairs:
                assert ours.shape == theirs.shape
                differences.append(np.abs(ours - theirs).max())
    return float(max(differences))
