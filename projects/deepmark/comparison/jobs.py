# SPDX-License-Identifier: Apache-2.0
"""What the comparison asks of a process, and the small files in which that process answers.

``<model>/<model>.py`` is the config of all runs of a model, ``<model>/model.json`` says what it was
made of. A run's folder ``<model>/seed<k>`` holds, beside what mmengine writes, the files below.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from deepmark.atomic_write import atomic_write
from deepmark.comparison.results import Timing
from deepmark.json_file import decode_json, read_json_bytes

JOB_FILE = 'job.json'
LOG_FILE = 'log.txt'
PROGRESS_FILE = 'progress.jsonl'
TRAINED_FILE = 'trained.json'
TESTED_FILE = 'tested.json'
ERROR_FILE = 'error.txt'
PROBE_FILE = 'probe.json'
MEASURED_FILE = 'measured.json'
TIMED_FILE = 'timed.json'

_Content = TypeVar('_Content')


class WeightsToTime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finished model whose predictions are timed."""

    name: str
    config: str
    checkpoint: str


class Job(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The work of one process.

    Attributes:
        kind: 'run' trains and tests, 'probe' times a few steps, 'time' times finished models.
        folder: Where the answers and mmengine's logs go.
        config: The model's config; empty for 'time'.
        seed: Of the training.
        weights: Test these instead of training; None trains.
        epochs: Budget in passes over the training set.
        iterations: Budget in steps.
        minutes: What the steps may take; a training that takes 15 % more is stopped.
        evaluations: Evenly spaced ones, the test being the last.
        measured_file: Where parameters and FLOPs go, unless it is there.
        models: What 'time' times.
        timing_rounds: Of 'time'.
    """

    kind: Literal['run', 'probe', 'time']
    folder: str
    config: str = ''
    seed: int = 0
    weights: str | None = None
    epochs: int | None = None
    iterations: int | None = None
    minutes: float | None = None
    evaluations: int = 1
    measured_file: str | None = None
    models: list[WeightsToTime] = []
    timing_rounds: int = 5


class Probed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a step of a training takes, seconds; ``steps`` were measured."""

    seconds_per_step: float
    steps: int


class Trained(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A training that ended.

    Attributes:
        checkpoint: Relative to the run's folder.
        iterations: Steps done.
        images: Seen, repeats counted.
        seconds: Wall clock, evaluations included, interruptions not.
        peak_memory_mib: Of the training process; None when it was not measured.
        notes: What a reader must know.
    """

    checkpoint: str
    iterations: int
    images: int
    seconds: float
    peak_memory_mib: float | None
    notes: list[str]


class Tested(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the evaluators said.

    Attributes:
        metrics: As mmengine returns them.
        categories: Names of the schema of our metric; empty without it.
    """

    metrics: dict[str, float]
    categories: list[str]


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a model without training it, see :class:`~.results.Model`."""

    kind: Literal['one-shot', 'boxes', 'top-down', 'unknown']
    parameters: int | None
    flops: int | None
    notes: list[str]


class Timed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Timings, why others are missing, and what was timed, by the model's name."""

    timings: dict[str, Timing]
    errors: dict[str, str]
    notes: dict[str, str] = {}


class Progress(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A line of the progress file.

    Attributes:
        stage: What runs.
        step: Steps done; of a test: batches.
        steps: Of how many; 0 when it is not known.
        images: Training images seen.
        seconds: Of training, evaluations included.
        figures: Of an evaluation at this step.
    """

    stage: Literal['train', 'evaluate', 'test', 'probe']
    step: int
    steps: int
    images: int = 0
    seconds: float = 0.0
    figures: dict[str, float] = {}


def figures_of(metrics: Mapping[str, Any]) -> dict[str, float]:
    """What JSON can hold of an evaluator's answer: finite numbers, as Python's own.

    Example:
        >>> figures_of({'AP': 0.5, 'AP_of_nothing': float('nan'), 'text': '0.5 0.6'})
        {'AP': 0.5}
    """
    return {
        key: float(value)
        for key, value in metrics.items()
        if isinstance(value, Real) and math.isfinite(value)
    }


def write_struct(path: Path, content: msgspec.Struct) -> None:
    """Write a struct as JSON, whole or not at all; an earlier file is replaced."""
    with atomic_write(path, overwrite=True) as file:
        file.write(msgspec.json.format(msgspec.json.encode(content), indent=1) + b'\n')


def read_struct(path: Path, kind: type[_Content]) -> _Content:
    """Read a struct.

    Raises:
        JsonFileError: No such content; names the place.
        OSError: The file cannot be opened.
    """
    return decode_json(read_json_bytes(path), kind, str(path))
