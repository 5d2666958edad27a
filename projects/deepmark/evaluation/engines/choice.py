# SPDX-License-Identifier: Apache-2.0
"""Which engine evaluates: the fast one where it is installed."""

from __future__ import annotations

import re
from typing import Literal, get_args

from deepmark.evaluation.engines.engine import Engine, EvaluationInput
from deepmark.evaluation.engines.pycocotools_engine import PycocotoolsEngine
from deepmark.evaluation.errors import EvaluationError

Backend = Literal['auto', 'fast', 'pycocotools']
OLDEST_HOTCOCO = (1, 3)  # the first whose update_anns takes columns


def open_engine(rows: EvaluationInput, backend: Backend = 'auto') -> Engine:
    """Feed an engine.

    Args:
        rows: truth and detections.
        backend: 'fast' is hotcoco, 'auto' hotcoco where it is installed and else pycocotools.

    Raises:
        EvaluationError: an unknown backend; 'fast' without hotcoco.
    """
    if backend not in get_args(Backend):
        raise EvaluationError(f'backend is {backend!r}, must be one of {get_args(Backend)}')
    if backend == 'pycocotools':
        return PycocotoolsEngine(rows)
    missing = why_no_hotcoco()
    if missing is None:
        from deepmark.evaluation.engines.hotcoco_engine import HotcocoEngine

        return HotcocoEngine(rows)
    if backend == 'fast':
        raise EvaluationError(
            f"backend 'fast' needs hotcoco: {missing}; pip install 'hotcoco>=1.3,<2', "
            "or backend 'pycocotools'"
        )
    return PycocotoolsEngine(rows)


def why_no_hotcoco() -> str | None:
    """The reason for which hotcoco cannot be used; None when it can."""
    try:
        import hotcoco
    except ImportError as error:
        return str(error)
    version = str(hotcoco.__version__)
    if tuple(int(number) for number in re.findall(r'\d+', version)[:2]) < OLDEST_HOTCOCO:
        return f'version {version} is too old'
    return None
