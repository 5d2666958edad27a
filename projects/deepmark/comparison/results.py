# SPDX-License-Identifier: Apache-2.0
"""What a comparison knows: a typed JSON file that is written after every run.

The file is complete at any time: a model that was not run yet is a row with ``status`` 'not run'.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Literal

import msgspec

from deepmark.atomic_write import atomic_write
from deepmark.json_file import JsonFileError, decode_json, read_json_bytes

FORMAT_VERSION = 1
Status = Literal['not run', 'finished', 'interrupted', 'failed']


class Budget(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What every training may use; both None keeps each config's own schedule.

    Attributes:
        minutes: Wall-clock minutes of training steps; evaluations do not count.
        epochs: Passes over the training set.
    """

    minutes: float | None = None
    epochs: int | None = None


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the runs took place: nothing that names the machine itself.

    Attributes:
        processor: Model name of the CPU.
        cores: Usable by the process.
        gpu: Name of the CUDA device, or None.
        python: Version.
        packages: Distribution name to version: torch, mmcv, mmengine, mmdet, mmpose, deepmark.
    """

    processor: str
    cores: int
    gpu: str | None
    python: str
    packages: dict[str, str]


class CurvePoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An evaluation in the middle or at the end of a training, or a logged loss.

    Attributes:
        images: Training images seen so far.
        minutes: Minutes of training so far.
        figures: ``bbox_AP``, ``keypoints_AP`` or ``loss`` to its value.
    """

    images: int
    minutes: float
    figures: dict[str, float]


class Run(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One training with one random seed, and its test.

    Attributes:
        seed: Of the training.
        status: 'finished' when tested.
        work_dir: Relative to the folder of the results file; None when nothing was started.
        error: Why it failed, in a line or a few.
        train_minutes: Of the training, evaluations in between included.
        images_seen: Training images, repeats counted (top-down: garments).
        figures: All figures of the test as the metric names them, without its prefix:
            ``bbox_AP``, ``bbox_AP50``, ``keypoints_AP``, ``keypoints_visible_AP``, ...,
            ``keypoints_AP_occlusion_heavy`` for slices; for other metrics with their prefix.
        per_category: ``bbox_AP`` and ``keypoints_AP`` to category name to AP; categories without
            truth are left out.
        curve: Evaluations, in order, the last one being the test.
        losses: Logged sums of the losses, in order.
    """

    seed: int
    status: Status = 'not run'
    work_dir: str | None = None
    error: str | None = None
    train_minutes: float | None = None
    images_seen: int | None = None
    figures: dict[str, float] = {}
    per_category: dict[str, dict[str, float]] = {}
    curve: list[CurvePoint] = []
    losses: list[CurvePoint] = []


class Timing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Milliseconds an image, prediction from the batched tensor to boxes and landmarks.

    Attributes:
        median: Over the rounds; the models took turns in each round.
        low: Quickest round.
        high: Slowest round.
        rounds: How many.
        images: Images a round.
        input_size_wh: Of the first image's tensor, pixels.
    """

    median: float
    low: float
    high: float
    rounds: int
    images: int
    input_size_wh: tuple[int, int]


class Model(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """A config with its runs.

    Attributes:
        name: Stem of the config file, unique in the file.
        config: Path as given, relative to the project's root where it is inside.
        title: First line of the config's docstring.
        kind: 'one-shot' (boxes and landmarks), 'boxes', or 'top-down' (landmarks in given boxes).
        true_boxes: Top-down with true boxes: the box figures mean nothing then.
        runs: One a seed.
        parameters: Numbers that training may change.
        flops: Of one test image; a multiply-add counts twice. None when it cannot be counted.
        timing: None when it was not measured.
        peak_memory_mib: Of the whole training process: device memory on CUDA, else resident.
        notes: What a reader must know, such as why something is missing.
    """

    name: str
    config: str
    title: str = ''
    kind: Literal['one-shot', 'boxes', 'top-down', 'unknown'] = 'unknown'
    true_boxes: bool = False
    runs: list[Run] = []
    parameters: int | None = None
    flops: int | None = None
    timing: Timing | None = None
    peak_memory_mib: float | None = None
    notes: list[str] = []

    def mean(self, figure: str) -> float | None:
        """Mean of a figure over the finished runs that have it; None without any."""
        values = self.values(figure)
        return fmean(values) if values else None

    def values(self, figure: str) -> list[float]:
        """A figure of each finished run that has it, in the order of the runs."""
        finished = (run for run in self.runs if run.status == 'finished')
        return [run.figures[figure] for run in finished if figure in run.figures]


class Results(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """A comparison.

    Attributes:
        command: The command line, as a user would type it from the project's root.
        commit: Of the project's repository, '+' behind it with local changes; several, oldest first
            and joined by ', ', after several calls; None outside one.
        machine: Where it ran.
        data: Name ('garments', 'deepfashion2') and what describes the data (the generator's
            manifest of each split, number of images).
        budget: The same for all models.
        models: In the order of the command line.
        format_version: Of this file.
    """

    command: str
    commit: str | None
    machine: Machine
    data: dict[str, object]
    budget: Budget
    models: list[Model]
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if self.format_version != FORMAT_VERSION:
            raise ValueError(
                f'format_version is {self.format_version}, this version reads {FORMAT_VERSION}'
            )


def read_results(path: str | os.PathLike[str]) -> Results:
    """Read a results file.

    Raises:
        JsonFileError: No such content; names the place.
        OSError: The file cannot be opened.
    """
    return decode_json(read_json_bytes(path), Results, str(path))


def write_results(path: str | os.PathLike[str], results: Results, overwrite: bool = False) -> None:
    """Write a results file, indented, whole or not at all.

    Raises:
        FileExistsError: It exists and ``overwrite`` is false.
    """
    text = msgspec.json.format(msgspec.json.encode(results), indent=1)
    with atomic_write(Path(path), overwrite) as file:
        file.write(text + b'\n')


def join_results(parts: Sequence[Results]) -> list[Model]:
    """Models of several comparisons in one list.

    Raises:
        JsonFileError: Two parts have a model of the same name.
    """
    models = [model for part in parts for model in part.models]
    names = [model.name for model in models]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise JsonFileError(f'two results files have the model {twice[0]}; keep one of them')
    return models
