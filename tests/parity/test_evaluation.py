# SPDX-License-Identifier: Apache-2.0
"""Our figures equal those of the original DeepFashion2 evaluator, by each library."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from deepmark.evaluation.coco_evaluation import Evaluator, evaluate
from deepmark.evaluation.engines import Backend, SlotMode
from deepmark.evaluation.json_layout import read_detections, read_truth

CASE_FILES = ('gt.json.gz', 'detections.json.gz', 'expected.json')
TOLERANCE = 1e-9
ROUNDING = 1e-12


@pytest.mark.parametrize('backend', ['fast', 'pycocotools'])
def test_all_figures_equal_the_reference(case_folder: Path, backend: Backend) -> None:
    if backend == 'fast':
        pytest.importorskip('hotcoco')
    expected = json.loads((case_folder / 'expected.json').read_text())
    truth = read_truth(case_folder / 'gt.json.gz')
    detections = read_detections(case_folder / 'detections.json.gz')
    figures = evaluate(truth.rows, detections, truth.image_ids, backend=backend)
    assert set(figures) == set(expected)
    for name, expected_figures in expected.items():
        for figure, value in expected_figures.items():
            assert figures[name][figure] == pytest.approx(value, abs=TOLERANCE, rel=0), (
                f'{name}: {figure}'
            )


@pytest.mark.parametrize('slots', ['official', 'own_slots'])
def test_both_libraries_give_the_same_precision(case_folder: Path, slots: SlotMode) -> None:
    pytest.importorskip('hotcoco')
    truth = read_truth(case_folder / 'gt.json.gz')
    detections = read_detections(case_folder / 'detections.json.gz')
    rows = (truth.rows, detections, truth.image_ids)
    fast = Evaluator(*rows, slots=slots, backend='fast')
    reference = Evaluator(*rows, slots=slots, backend='pycocotools')
    for evaluation in reference.evaluations:
        difference = np.abs(fast.precision(evaluation) - reference.precision(evaluation))
        assert difference.max() <= ROUNDING
    for evaluation, figures in reference.figures().items():
        for figure, value in figures.items():
            ours = fast.figures()[evaluation][figure]
            assert ours == pytest.approx(value, abs=ROUNDING, rel=0), f'{evaluation}: {figure}'
