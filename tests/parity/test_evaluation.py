# SPDX-License-Identifier: Apache-2.0
"""Our figures equal those of the original DeepFashion2 evaluator."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deepmark.evaluation.coco_evaluation import evaluate
from deepmark.evaluation.json_layout import read_detections, read_truth

TOLERANCE = 1e-9


@pytest.fixture(scope='session')
def evaluation_cases(reference_root: Path) -> list[Path]:
    """Every ``evaluation_*`` folder of the reference."""
    cases = sorted(p for p in reference_root.glob('evaluation_*') if p.is_dir())
    if not cases:
        pytest.skip(f'no evaluation_* folder in {reference_root}')
    return cases


def test_all_figures_equal_the_reference(evaluation_cases: list[Path]) -> None:
    for case in evaluation_cases:
        expected = json.loads((case / 'expected.json').read_text())
        truth = read_truth(case / 'gt.json.gz')
        detections = read_detections(case / 'detections.json.gz')
        figures = evaluate(truth.rows, detections, truth.image_ids)
        assert set(figures) == set(expected), case.name
        for name, expected_figures in expected.items():
            for figure, value in expected_figures.items():
                assert figures[name][figure] == pytest.approx(value, abs=TOLERANCE, rel=0), (
                    f'{case.name}: {name}: {figure}'
                )
