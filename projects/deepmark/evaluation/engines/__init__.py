# SPDX-License-Identifier: Apache-2.0
"""The libraries that match and accumulate, behind one function that gives the same from each.

Neither matching nor accumulation is ours. hotcoco (Rust) is many times as fast from rows to figures
(``make bench-eval``); pycocotools is what everybody compares with and is always installed. The
tests hold the two to each other on the reference cases and on random rows.
"""

from deepmark.evaluation.engines.choice import Backend, open_engine
from deepmark.evaluation.engines.engine import (
    BOXES,
    VISIBLE,
    VISIBLE_AND_OCCLUDED,
    Curves,
    Engine,
    EvaluationInput,
    SlotMode,
)

__all__ = [
    'BOXES',
    'VISIBLE',
    'VISIBLE_AND_OCCLUDED',
    'Backend',
    'Curves',
    'Engine',
    'EvaluationInput',
    'SlotMode',
    'open_engine',
]
