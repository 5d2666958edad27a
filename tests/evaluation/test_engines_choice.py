# SPDX-License-Identifier: Apache-2.0
"""Which library evaluates: the fast one where it is installed, and always one."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from deepmark.evaluation.coco_evaluation import BOXES, Evaluator
from deepmark.evaluation.errors import EvaluationError

from .garment_examples import found, skirt_truth


def test_the_evaluator_says_which_engine_it_uses() -> None:
    pytest.importorskip('hotcoco')
    truth = skirt_truth()
    names = {
        backend: Evaluator(truth, found(truth), np.array([1]), backend=backend).backend  # type: ignore[arg-type]
        for backend in ('auto', 'fast', 'pycocotools')
    }
    assert names['fast'].startswith('hotcoco 1.')
    assert names['auto'] == names['fast']
    assert names['pycocotools'].startswith('pycocotools 2.')


def test_without_hotcoco_pycocotools_evaluates(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = skirt_truth()
    monkeypatch.setitem(sys.modules, 'hotcoco', None)
    evaluator = Evaluator(truth, found(truth), np.array([1]))
    assert evaluator.backend.startswith('pycocotools')
    assert evaluator.figures()[BOXES]['AP'] == pytest.approx(1)
    with pytest.raises(EvaluationError, match='pip install'):
        Evaluator(truth, found(truth), np.array([1]), backend='fast')


def test_an_old_hotcoco_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    hotcoco = pytest.importorskip('hotcoco')
    truth = skirt_truth()
    monkeypatch.setattr(hotcoco, '__version__', '1.2.9')
    assert Evaluator(truth, found(truth), np.array([1])).backend.startswith('pycocotools')
    with pytest.raises(EvaluationError, match=r'1\.2\.9 is too old'):
        Evaluator(truth, found(truth), np.array([1]), backend='fast')


def test_an_unknown_backend_is_refused() -> None:
    truth = skirt_truth()
    with pytest.raises(EvaluationError, match="'rust', must be one of"):
        Evaluator(truth, found(truth), np.array([1]), backend='rust')  # type: ignore[arg-type]
