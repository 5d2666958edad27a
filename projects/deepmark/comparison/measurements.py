# SPDX-License-Identifier: Apache-2.0
"""What a comparison measures of a model beside its accuracy: size, operations, time, memory."""

from __future__ import annotations

import torch

from deepmark.benchmarks.process_memory import peak_megabytes
from deepmark.comparison.counting import Counted, count
from deepmark.comparison.kinds import Kind, kind_of
from deepmark.comparison.timing import TimedModel, TimingOutcome, time_models

__all__ = [
    'Counted',
    'Kind',
    'TimedModel',
    'TimingOutcome',
    'count',
    'kind_of',
    'peak_memory_mib',
    'time_models',
]


def peak_memory_mib() -> float:
    """The most memory that this process has held, in MiB (2^20 bytes).

    With CUDA in use it is what torch allocated on the current device, else the resident set. Call
    it in the process that trained.
    """
    on_device = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return on_device / 2**20 if on_device else peak_megabytes() * 1e6 / 2**20
