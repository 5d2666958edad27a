# SPDX-License-Identifier: Apache-2.0
"""What a comparison shows on the terminal: a bar for the run at work, a table in the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from deepmark.comparison import jobs
from deepmark.comparison.process import Watch
from deepmark.comparison.results import Model

SECONDS_BETWEEN_LINES = 30.0
FILE_WIDTH = 140
_STAGES = {
    'train': 'training', 'evaluate': 'evaluating', 'test': 'testing', 'probe': 'timing steps',
}  # fmt: skip
_FIGURES = {
    'bbox_AP': 'box AP', 'keypoints_AP': 'landmark AP', 'keypoints_visible_AP': 'visible',
}  # fmt: skip
_MISSING = '-'


class Display:
    """A bar where standard error is a terminal, else a line now and then."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """A line."""
        self.console.print(text, markup=False)

    @contextmanager
    def run(self, title: str) -> Iterator[Watch]:
        """Show a run while this is open; what it gives takes the run's progress."""
        if self.console.is_terminal:
            with self._bar(title) as watch:
                yield watch
        else:
            self.say(f'{title}: started')
            yield self._lines(title)

    @contextmanager
    def _bar(self, title: str) -> Iterator[Watch]:
        columns = (
            TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(),
            TimeRemainingColumn(),
        )  # fmt: skip
        with Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(f'{title}: starting', total=None)
            stages = {'': task}

            def watch(line: jobs.Progress) -> None:
                if line.stage not in stages:  # a new task, since the speed is another one
                    for former in stages.values():
                        bar.update(former, visible=False)
                    stages[line.stage] = bar.add_task(f'{title}: {_STAGES[line.stage]}')
                for stage, number in stages.items():
                    bar.update(number, visible=stage == line.stage)
                bar.update(stages[line.stage], completed=line.step, total=line.steps or None)

            yield watch

    def _lines(self, title: str) -> Watch:
        last = time.monotonic()
        first: dict[str, tuple[int, float]] = {}

        def watch(line: jobs.Progress) -> None:
            nonlocal last
            now = time.monotonic()
            start_step, start = first.setdefault(line.stage, (line.step, now))
            if now - last < SECONDS_BETWEEN_LINES:
                return
            last = now
            left = ''
            if line.step > start_step and line.steps:
                seconds = (now - start) / (line.step - start_step) * (line.steps - line.step)
                left = f', {timedelta(seconds=round(seconds))} left'
            self.say(f'{title}: {_STAGES[line.stage]}, step {line.step} of {line.steps}{left}')

        return watch


def summary_table(models: list[Model]) -> Table:
    """One row a model: how many runs, means of the figures, size, speed, time."""
    table = Table(title='Comparison: means over the finished runs')
    table.add_column('model', overflow='fold')
    table.add_column('runs')
    titles = (*_FIGURES.values(), 'params (M)', 'GFLOPs', 'ms/image', 'memory (MiB)', 'minutes')
    for title in titles:
        table.add_column(title, justify='right')
    for model in models:
        table.add_row(model.name, _runs_text(model), *_cells(model))
    return table


def show_table(table: Table) -> None:
    """Print a table on standard output, in full width where that is no terminal."""
    console = Console()
    console = console if console.is_terminal else Console(width=FILE_WIDTH)
    console.print(table)


def _runs_text(model: Model) -> str:
    counts: dict[str, int] = {}
    for run in model.runs:
        counts[run.status] = counts.get(run.status, 0) + 1
    return ', '.join(f'{number} {status}' for status, number in counts.items())


def _cells(model: Model) -> list[str]:
    minutes = [run.train_minutes for run in model.runs if run.train_minutes is not None]
    return [
        *(_number(_mean(model, figure), 1, 3) for figure in _FIGURES),
        _number(model.parameters, 1e6, 2),
        _number(model.flops, 1e9, 2),
        _number(model.timing.median if model.timing else None, 1, 1),
        _number(model.peak_memory_mib, 1, 0),
        _number(sum(minutes) / len(minutes) if minutes else None, 1, 1),
    ]


def _mean(model: Model, figure: str) -> float | None:
    """A figure over the finished runs; none of boxes that were given."""
    return None if model.true_boxes and figure == 'bbox_AP' else model.mean(figure)


def _number(value: float | None, unit: float, digits: int) -> str:
    return _MISSING if value is None else f'{value / unit:.{digits}f}'
