# SPDX-License-Identifier: Apache-2.0
"""Hooks of a compared training: its clock, its evaluations, its limit, and the probe's watch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from mmengine.hooks import Hook

from deepmark.comparison.budget import PROBE_STEPS, PROBE_WARM_UP
from deepmark.comparison.jobs import Progress, figures_of
from deepmark.engine.errors import RunError

SECONDS_BETWEEN_LINES = 1.0
ALLOWED_OVERRUN = 0.15
_SEEN_KEY = 'deepmark_comparison_seen'

Clock = Callable[[], float]


class TrainingStoppedError(RunError):
    """A training took longer than its budget allows and was stopped."""


class ProbeDoneError(RunError):
    """The probe has seen enough steps."""


class ProgressHook(Hook):
    """Write how far a training is, keep its clock, and stop it when it runs over.

    The clock and the number of images are in the checkpoints, so that a resumed training counts on.

    Args:
        path: The progress file, one JSON object a line; lines are appended.
        steps: Of the training.
        minutes: What the steps may take, evaluations not counted; None sets no limit.
        clock: Seconds.
    """

    priority = 'VERY_HIGH'

    def __init__(
        self, path: Path, steps: int, minutes: float | None = None, clock: Clock = time.monotonic
    ) -> None:
        self.path = path
        self.steps = steps
        self.limit = None if minutes is None else minutes * 60 * (1 + ALLOWED_OVERRUN)
        self.clock = clock
        self.step = 0
        self.images = 0
        self.evaluating_seconds = 0.0
        self._before = 0.0  # seconds of the processes before this one
        self._started: float | None = None
        self._ended: float | None = None
        self._last_line = float('-inf')

    @property
    def seconds(self) -> float:
        """Of the training so far, evaluations included; stands still when the training is over."""
        if self._started is None:
            return self._before
        return self._before + (self._ended or self.clock()) - self._started

    def before_train(self, runner: Any) -> None:
        """Take up what the checkpoint has counted."""
        seen = runner.message_hub.runtime_info.get(_SEEN_KEY)
        self.step = runner.iter
        if seen is not None:
            self.images, self._before, self.evaluating_seconds = int(seen[0]), seen[1], seen[2]

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Start the clock at the first step: the fast-forward of a resumed loader is no training.

        The first batch's loading is missed; the probe measures steps in the same way.
        """
        if self._started is None:
            self._started = self.clock()

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Count, write a line now and then, and look at the limit.

        Raises:
            TrainingStoppedError: The training ran over its minutes.
        """
        self.step = runner.iter + 1
        self.images += len(data_batch['data_samples'])
        self.remember(runner)
        self.write(Progress('train', self.step, self.steps, self.images, self.seconds))
        used = self.seconds - self.evaluating_seconds
        if self.limit is not None and used > self.limit and self.step < self.steps:
            self._ended = self.clock()
            raise TrainingStoppedError(
                f'stopped after {self.step} of {self.steps} steps: {used / 60:.1f} minutes '
                f'are more than {ALLOWED_OVERRUN:.0%} over the budget'
            )

    def after_train(self, runner: Any) -> None:
        """Stop the clock."""
        self._ended = self.clock()

    def remember(self, runner: Any) -> None:
        """Put the counts where checkpoints find them."""
        seen = (self.images, self.seconds, self.evaluating_seconds)
        runner.message_hub.update_info(_SEEN_KEY, seen)

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Say that an evaluation is alive."""
        self.write(Progress('evaluate', batch_idx + 1, len(runner.val_dataloader)))

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Say that the test is alive."""
        self.write(Progress('test', batch_idx + 1, len(runner.test_dataloader)))

    def write(self, progress: Progress, always: bool = False) -> None:
        """Append a line, at most one a second unless ``always``."""
        now = self.clock()
        last = progress.step == progress.steps
        if always or last or now - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = now
            with self.path.open('ab') as file:
                file.write(msgspec.json.encode(progress) + b'\n')


class EvaluationsHook(Hook):
    """Evaluate after given steps, in a loop of either kind, and write the figures down.

    Args:
        after: Steps.
        progress: The clock; its file gets the figures.
    """

    # Behind CheckpointHook (VERY_LOW): a kill while evaluating loses no step.
    priority = 'LOWEST'

    def __init__(self, after: Sequence[int], progress: ProgressHook) -> None:
        self.after = frozenset(after)
        self.progress = progress

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Evaluate where it is time."""
        step, watch = runner.iter + 1, self.progress
        if step not in self.after:
            return
        start = watch.seconds
        figures = runner.val_loop.run()
        runner.model.train()
        watch.evaluating_seconds += watch.seconds - start
        watch.remember(runner)
        line = Progress(
            'train', step, watch.steps, watch.images, watch.seconds, figures_of(figures)
        )
        watch.write(line, always=True)


class ProbeHook(Hook):
    """Time the steps of a training and end it.

    Args:
        path: The progress file.
        limit: Seconds after which it ends, if one step was timed.
        clock: Seconds.
    """

    # In front of all others before a step and so behind the checkpoints and logs of the last one.
    priority = 'VERY_HIGH'

    def __init__(self, path: Path, limit: float, clock: Clock = time.monotonic) -> None:
        self.progress = ProgressHook(path, PROBE_WARM_UP + PROBE_STEPS, clock=clock)
        self.limit = limit
        self.clock = clock
        self.durations: list[float] = []
        self._start = 0.0
        self._last: float | None = None
        self._done = 0

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """A step lasts from the batch's arrival to that of the next one.

        Raises:
            ProbeDoneError: Enough steps were timed.
        """
        now = self.clock()
        if self._last is None:
            self._start = now
        else:
            self._done += 1
            self.progress.write(Progress('probe', self._done, self.progress.steps))
            if self._done > PROBE_WARM_UP or now - self._start > self.limit:
                self.durations.append(now - self._last)
        self._last = now
        late = now - self._start > self.limit and bool(self.durations)
        if len(self.durations) >= PROBE_STEPS or late:
            raise ProbeDoneError(f'{len(self.durations)} steps timed')
