# SPDX-License-Identifier: Apache-2.0
"""Lay a budget over a config: how many steps, when to evaluate, what to keep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from deepmark.comparison.schedule import counts_epochs, fit_schedule, own_steps
from deepmark.engine.errors import RunError

LOGGED_LOSSES = 50
CHECKPOINTS_A_TRAINING = 20
PROBE_WARM_UP = 5
PROBE_STEPS = 20
_NEVER = 10**9


class TrainingSet(NamedTuple):
    """Size of a training set.

    Attributes:
        images: Samples of a pass (top-down: garments).
        batch_size: Of a process.
        epoch_length: Steps of a pass, a last incomplete batch counted if it is used.
    """

    images: int
    batch_size: int
    epoch_length: int


def measure_training_set(cfg: Config) -> TrainingSet:
    """Build the config's training set and count; no worker is started."""
    init_default_scope(cfg.get('default_scope') or 'mmengine')
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    images = len(loader.dataset)
    batch_size = loader.batch_size or getattr(loader.batch_sampler, 'batch_size', 1)
    return TrainingSet(images, int(batch_size), len(loader))


def steps_of(cfg: Config, training_set: TrainingSet, epochs: int | None, steps: int | None) -> int:
    """Steps of a training under a budget.

    Args:
        cfg: The config.
        training_set: Its size.
        epochs: Budget in passes, or None.
        steps: Budget in steps, or None; without both, the config's own schedule.
    """
    if steps is not None:
        return steps
    if epochs is None:
        return own_steps(cfg, training_set.epoch_length)
    if counts_epochs(cfg):
        return epochs * training_set.epoch_length
    return math.ceil(epochs * training_set.images / training_set.batch_size)


def steps_for_minutes(minutes: float, seconds_per_step: float) -> int:
    """Whole steps that fit into some minutes, at least one.

    Example:
        >>> steps_for_minutes(4, 0.5), steps_for_minutes(0.5, 7)
        (480, 4)
    """
    return max(1, int(minutes * 60 / seconds_per_step))


def step_seconds(durations: Sequence[float], group: int) -> float:
    """Typical seconds of a step: the median over groups of consecutive steps.

    Loader workers deliver in bursts when they are what a training waits for, so that a single step
    says little: a group has one step for each worker.

    Args:
        durations: Of the steps, seconds; at least one.
        group: Steps in a group; those that fill none at the end do not count.

    Example:
        >>> step_seconds([1, 1, 4, 1, 1, 4], group=3), step_seconds([1, 1, 9], group=1)
        (2.0, 1.0)
    """
    group = max(1, min(group, len(durations)))
    means = sorted(
        sum(durations[first : first + group]) / group
        for first in range(0, len(durations) - group + 1, group)
    )
    middle = len(means) // 2
    return float(means[middle] if len(means) % 2 else (means[middle - 1] + means[middle]) / 2)


def evaluation_steps(steps: int, evaluations: int) -> list[int]:
    """After which steps to evaluate; the last evaluation is the test and not among them.

    Example:
        >>> evaluation_steps(100, 4), evaluation_steps(100, 1), evaluation_steps(2, 5)
        ([25, 50, 75], [], [1])
    """
    marks = {round(steps * number / evaluations) for number in range(1, evaluations)}
    return sorted(marks - {0, steps})


def lay_budget(cfg: Config, training_set: TrainingSet, steps: int, evaluations: int) -> None:
    """Change a config to a training of some steps, in place.

    The loop evaluates nothing: evaluations come from a hook and the test at the end, so that no
    interval of the config has to divide the steps.
    """
    if steps != own_steps_or_none(cfg, training_set):
        fit_schedule(cfg, steps, training_set.epoch_length)
    if evaluations > 1:
        cfg.train_cfg.val_begin = _NEVER
        cfg.train_cfg.pop('dynamic_intervals', None)
    else:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    hooks = cfg.setdefault('default_hooks', {})
    hooks['checkpoint'] = checkpoint_hook(cfg, steps)
    logger = hooks.get('logger') or {'type': 'LoggerHook'}
    interval = min(logger.get('interval', 10), max(1, steps // LOGGED_LOSSES))
    hooks['logger'] = {**logger, 'interval': interval}


def own_steps_or_none(cfg: Config, training_set: TrainingSet) -> int | None:
    """Steps of the config's own training; None for a loop that is not mmengine's."""
    try:
        return own_steps(cfg, training_set.epoch_length)
    except RunError:
        return None


def checkpoint_hook(cfg: Config, steps: int) -> dict[str, Any]:
    """Keep the newest checkpoint alone: after each epoch, or after a twentieth of the steps."""
    by_epoch = 'max_iters' not in cfg.train_cfg or 'Epoch' in str(cfg.train_cfg.get('type'))
    interval = 1 if by_epoch else max(1, steps // CHECKPOINTS_A_TRAINING)
    return {
        'type': 'CheckpointHook', 'by_epoch': by_epoch, 'interval': interval,
        'max_keep_ckpts': 1, 'save_last': True,
    }  # fmt: skip
