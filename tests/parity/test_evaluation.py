# SPDX-License-Identifier: Apache-2.0
"""Our figures equal those of the original DeepFashion2 evaluator."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deepmark.evaluation.coco_evaluation import evaluate
from deepmark.evaluation.json_layout import read_detections, read_truth

CASE_FILES = ('gt.json.gz', 'detections.json.gz', 'expected.json')
TOLERANCE = 1e-9


def test_all_figures_equal_the_reference(case_folder: Path) -> None:
    expected = json.loads((case_folder / 'expected.json').read_text())
    truth = read_truth(case_folder / 'gt.json.gz')
    detections = read_detections(case_folder / 'detections.json.gz')
    figures = evaluate(truth.rows, detections, truth.image_ids)
    assert set(figures) == set(expected)
    for name, expected_figures in expected.items():
        for figure, value in expected_figures.items():
            assert figures[name][figure] == pytest.approx(value, abs=TOLERANCE, rel=0), (
                f'{name}: {figure}'
            )
