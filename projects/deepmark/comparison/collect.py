# SPDX-License-Identifier: Apache-2.0
"""From the files of a run to its row in the results."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from mmengine.config import Config

from deepmark.comparison import jobs
from deepmark.comparison.jobs import Measured, Progress, Tested, Trained
from deepmark.comparison.results import CurvePoint, Model, Run
from deepmark.engine.scalar_history import read_work_dir, series

MOST_POINTS = 100
PREFIX = 'deepfashion2/'
CURVE_FIGURES = ('bbox_AP', 'keypoints_AP')
_PER_CATEGORY = ('bbox_AP', 'keypoints_AP', 'keypoints_visible_AP')
_Point = TypeVar('_Point')


def collect_run(folder: Path, seed: int, out: Path) -> Run:
    """What is known of a run; one that has nothing yet is 'not run'.

    Args:
        folder: The run's.
        seed: Of the run.
        out: Folder of the comparison, which paths are relative to.
    """
    if not (folder / jobs.JOB_FILE).is_file():
        return Run(seed)
    run = Run(seed, 'interrupted', work_dir=folder.relative_to(out).as_posix())
    if (folder / jobs.TRAINED_FILE).is_file():
        trained = jobs.read_struct(folder / jobs.TRAINED_FILE, Trained)
        run.train_minutes = trained.seconds / 60
        run.images_seen = trained.images
    trace = read_progress(folder / jobs.PROGRESS_FILE)
    run.losses = losses_of(folder, trace)
    run.curve = curve_of(trace)
    if (folder / jobs.TESTED_FILE).is_file():
        _add_test(run, jobs.read_struct(folder / jobs.TESTED_FILE, Tested))
    elif (folder / jobs.ERROR_FILE).is_file():
        run.status = 'failed'
        run.error = (folder / jobs.ERROR_FILE).read_text(encoding='utf-8').strip()
    return run


def collect_model(model: Model, folder: Path, out: Path, seeds: Sequence[int], cfg: Config) -> None:
    """Bring a model up to date with its files, in place; its timing is left as it is.

    Args:
        model: The row.
        folder: The model's.
        out: Folder of the comparison.
        seeds: Of its runs.
        cfg: Its config.
    """
    model.runs = [collect_run(folder / f'seed{seed}', seed, out) for seed in seeds]
    if (folder / jobs.MEASURED_FILE).is_file():
        measured = jobs.read_struct(folder / jobs.MEASURED_FILE, Measured)
        model.kind = measured.kind
        model.parameters, model.flops = measured.parameters, measured.flops
        model.notes = list(dict.fromkeys([*model.notes, *measured.notes]))
    model.true_boxes = model.kind == 'top-down' and not has_detected_boxes(cfg)
    files = [folder / f'seed{seed}' / jobs.TRAINED_FILE for seed in seeds]
    trained = [jobs.read_struct(file, Trained) for file in files if file.is_file()]
    model.notes = list(dict.fromkeys([*model.notes, *(n for run in trained for n in run.notes)]))
    peaks = [run.peak_memory_mib for run in trained if run.peak_memory_mib is not None]
    model.peak_memory_mib = max(peaks, default=None)


def has_detected_boxes(cfg: Config) -> bool:
    """Whether the test takes the boxes of a detector."""
    dataset: Any = cfg.test_dataloader.get('dataset') or {}
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    return bool(dataset.get('bbox_file'))


def named_figures(metrics: Mapping[str, float], categories: Sequence[str]) -> dict[str, float]:
    """Figures without our metric's prefix, categories left out.

    Our metric writes -1 for what has no truth, and others may give numbers that are none; both are
    left out.

    Example:
        >>> named_figures({'deepfashion2/bbox_AP': 0.5, 'deepfashion2/bbox_AP_vest': 0.4}, ['vest'])
        {'bbox_AP': 0.5}
    """
    left_out = {
        PREFIX + _category_figure(figure, name) for figure in _PER_CATEGORY for name in categories
    }
    return {
        key.removeprefix(PREFIX): value
        for key, value in metrics.items()
        if key not in left_out and _means(key, value)
    }


def per_category(
    metrics: Mapping[str, float], categories: Sequence[str]
) -> dict[str, dict[str, float]]:
    """AP of each category that has truth.

    Example:
        >>> per_category({'deepfashion2/bbox_AP_long_vest': 0.4}, ['long vest'])
        {'bbox_AP': {'long vest': 0.4}}
    """
    found: dict[str, dict[str, float]] = {}
    for figure in CURVE_FIGURES:
        for name in categories:
            key = PREFIX + _category_figure(figure, name)
            if key in metrics and _means(key, metrics[key]):
                found.setdefault(figure, {})[name] = metrics[key]
    return found


def read_progress(path: Path) -> list[Progress]:
    """Lines of the training, ascending in steps; what a resumed training did anew replaces the old.

    A last line that was cut off by a kill is skipped.
    """
    kept: list[Progress] = []
    for text in path.read_bytes().splitlines() if path.is_file() else []:
        try:
            line = msgspec.json.decode(text, type=Progress)
        except msgspec.DecodeError:
            continue
        if line.stage == 'train':
            while kept and (kept[-1].step > line.step or kept[-1].seconds > line.seconds):
                kept.pop()
            kept.append(line)
    return kept


def curve_of(trace: Sequence[Progress]) -> list[CurvePoint]:
    """Evaluations in the middle of a training."""
    points = []
    for line in trace:
        named = named_figures(line.figures, ())
        figures = {key: named[key] for key in CURVE_FIGURES if key in named}
        if figures:
            points.append(CurvePoint(line.images, line.seconds / 60, figures))
    return thinned(points, MOST_POINTS)


def losses_of(folder: Path, trace: Sequence[Progress]) -> list[CurvePoint]:
    """Logged sums of the losses; images and minutes are interpolated between the trace's lines."""
    steps, losses = series(read_work_dir(folder, until='~').train, 'loss')
    points = []
    for step, loss in zip(steps, losses, strict=True):
        place = place_of(trace, step)
        if place is not None:
            points.append(CurvePoint(round(place[0]), place[1] / 60, {'loss': loss}))
    return thinned(points, MOST_POINTS)


def place_of(trace: Sequence[Progress], step: float) -> tuple[float, float] | None:
    """Images and seconds at a step; None behind the trace's end."""
    after = bisect_left([line.step for line in trace], step)
    if after == len(trace):
        return None
    end = trace[after]
    before = trace[after - 1] if after else Progress('train', 0, end.steps)
    share = (step - before.step) / max(1, end.step - before.step)
    return (
        before.images + share * (end.images - before.images),
        before.seconds + share * (end.seconds - before.seconds),
    )


def thinned(points: Sequence[_Point], most: int) -> list[_Point]:
    """At most so many points, evenly spaced, first and last among them.

    Example:
        >>> thinned([0, 1, 2, 3, 4], 3)
        [0, 2, 4]
    """
    if len(points) <= most:
        return list(points)
    return [points[round(index * (len(points) - 1) / (most - 1))] for index in range(most)]


def _add_test(run: Run, tested: Tested) -> None:
    run.status = 'finished'
    run.figures = named_figures(tested.metrics, tested.categories)
    run.per_category = per_category(tested.metrics, tested.categories)
    figures = {key: run.figures[key] for key in CURVE_FIGURES if key in run.figures}
    if figures and run.images_seen is not None and run.train_minutes is not None:
        run.curve = [*run.curve, CurvePoint(run.images_seen, run.train_minutes, figures)]


def _category_figure(figure: str, category: str) -> str:
    return f'{figure}_{category.replace(" ", "_")}'


def _means(key: str, value: float) -> bool:
    return math.isfinite(value) and not (key.startswith(PREFIX) and value < 0)
