# SPDX-License-Identifier: Apache-2.0
"""Stretch or shrink a config's schedule to a number of steps.

All positions of learning-rate schedulers become steps: position p of the config's own T steps goes
to p n / T of n, so that the curve keeps its shape. Only a warm-up keeps at least a twentieth of the
training, or its own length where that is less: a training of a few hundred steps would begin at the
full rate after one or two of them. What follows the warm-up is then stretched over what is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from mmengine.config import Config

from deepmark.comparison.loops import StepLimitedEpochLoop
from deepmark.engine.errors import RunError

WARM_UP_SHARE = 0.05
EPOCH_LOOPS = ('EpochBasedTrainLoop',)
ITERATION_LOOPS = ('IterBasedTrainLoop',)
# Hook arguments that count epochs; mmpose's RTMO hook has them as the keys of a table.
EPOCH_ARGUMENTS = ('num_last_epochs', 'switch_epoch')
EPOCH_TABLE_ARGUMENTS = ('epoch_attributes',)
LIMITED_LOOP = f'deepmark.{StepLimitedEpochLoop.__name__}'
_LOOP_MODULE = StepLimitedEpochLoop.__module__  # for whoever reads the written config

Position = Callable[[float], int]


def counts_epochs(cfg: Config) -> bool:
    """Whether the training loop counts epochs.

    Raises:
        RunError: The loop is neither mmengine's by epochs nor the one by iterations.
    """
    loop = cfg.get('train_cfg') or {}
    name = str(loop.get('type', '')).split('.')[-1]
    if name in EPOCH_LOOPS or (not name and loop.get('by_epoch', True)):
        return True
    if name in ITERATION_LOOPS or not name:
        return False
    raise RunError(
        f'train_cfg.type is {loop["type"]}: a budget can be given to {EPOCH_LOOPS[0]} and '
        f'{ITERATION_LOOPS[0]} only; leave --epochs and --budget-minutes out'
    )


def own_steps(cfg: Config, epoch_length: int) -> int:
    """Steps of the config's own training.

    Args:
        cfg: The config.
        epoch_length: Steps of a pass over the training set.
    """
    if counts_epochs(cfg):
        return int(cfg.train_cfg.max_epochs) * epoch_length
    return int(cfg.train_cfg.max_iters)


def fit_schedule(cfg: Config, steps: int, epoch_length: int) -> None:
    """Give a config a training of a number of steps, in place.

    A config whose own training has as many steps stays as it is.

    Args:
        cfg: The config.
        steps: Of the training.
        epoch_length: Steps of a pass over the training set.

    Raises:
        RunError: The loop or a scheduler is of a kind that cannot be stretched.
    """
    by_epoch, own = counts_epochs(cfg), own_steps(cfg, epoch_length)
    if steps == own:
        return
    position = positions(cfg, own, steps, epoch_length)
    cfg.param_scheduler = _stretched_all(cfg.get('param_scheduler'), position, epoch_length)
    _fit_hooks(cfg, steps / own)
    cfg.train_cfg.pop('dynamic_intervals', None)
    if not by_epoch:
        cfg.train_cfg.max_iters = steps
    elif steps % epoch_length == 0:
        cfg.train_cfg.max_epochs = steps // epoch_length
    else:
        _cut_last_epoch(cfg, steps)


def positions(cfg: Config, own: int, steps: int, epoch_length: int) -> Position:
    """The rule that takes a step of the config's own training to one of the new training."""
    schedulers = _flat(cfg.get('param_scheduler'))
    ends = [_warm_up_end(scheduler, epoch_length) for scheduler in schedulers]
    warm = max((end for end in ends if end < own), default=0)
    least = min(warm, round(WARM_UP_SHARE * steps))
    new_warm = max(round(warm * steps / own), least)

    def position(step: float) -> int:
        if step <= warm:
            return round(step * new_warm / warm) if warm else 0
        return new_warm + round((step - warm) * (steps - new_warm) / (own - warm))

    return position


def _cut_last_epoch(cfg: Config, steps: int) -> None:
    cfg.train_cfg = {'type': LIMITED_LOOP, 'max_iters': steps}
    imports = dict(cfg.get('custom_imports') or {})
    names = imports.get('imports') or []
    names = [names] if isinstance(names, str) else list(names)
    if _LOOP_MODULE not in names:
        cfg.custom_imports = {**imports, 'imports': [*names, _LOOP_MODULE]}


def _fit_hooks(cfg: Config, ratio: float) -> None:
    hooks = [*(cfg.get('custom_hooks') or []), *(cfg.get('default_hooks') or {}).values()]
    for hook in hooks:
        if not isinstance(hook, Mapping):
            continue
        for key in EPOCH_ARGUMENTS:
            if isinstance(hook.get(key), int):
                hook[key] = round(hook[key] * ratio)  # type: ignore[index]
        for key in EPOCH_TABLE_ARGUMENTS:
            if isinstance(hook.get(key), Mapping):
                table = {round(int(epoch) * ratio): value for epoch, value in hook[key].items()}
                hook[key] = table  # type: ignore[index]


def _flat(schedulers: Any) -> list[Mapping[str, Any]]:
    if not schedulers:
        return []
    if isinstance(schedulers, Mapping):
        if 'type' in schedulers:
            return [schedulers]
        return [entry for part in schedulers.values() for entry in _flat(part)]
    return [entry for part in schedulers for entry in _flat(part)]


def _stretched_all(schedulers: Any, position: Position, epoch_length: int) -> Any:
    if not schedulers:
        return schedulers
    if isinstance(schedulers, Mapping):
        if 'type' in schedulers:
            return _stretched(schedulers, position, epoch_length)
        return {
            name: _stretched_all(part, position, epoch_length) for name, part in schedulers.items()
        }
    return [_stretched_all(part, position, epoch_length) for part in schedulers]


def _stretched(scheduler: Mapping[str, Any], position: Position, epoch_length: int) -> Any:
    """One scheduler, by steps."""
    name = str(scheduler['type']).split('.')[-1]
    if name.startswith('ReduceOnPlateau'):
        raise RunError(f'param_scheduler: {name} has no schedule that a budget could be laid on')
    unit = _unit(scheduler, epoch_length)
    begin = scheduler.get('begin', 0) * unit
    start = position(begin)

    def length(own: float) -> int:
        return max(1, position(begin + own * unit) - start)

    new = {**scheduler, 'by_epoch': False}
    new.pop('convert_to_iter_based', None)
    if 'begin' in new:
        new['begin'] = start
    if _is_finite(new.get('end')):
        new['end'] = max(start + 1, position(new['end'] * unit))
    if 'milestones' in new:  # counted from begin
        new['milestones'] = [position(begin + own * unit) - start for own in new['milestones']]
    for key in ('T_max', 'step_size', 'total_steps'):
        if new.get(key) is not None:
            new[key] = length(new[key])
    if 'periods' in new:
        new['periods'] = [length(period) for period in new['periods']]
    if name.startswith('Exponential'):
        new['gamma'] = new['gamma'] ** (1000 / length(1000))
    return new


def _unit(scheduler: Mapping[str, Any], epoch_length: int) -> int:
    return epoch_length if scheduler.get('by_epoch', True) else 1


def _is_finite(end: Any) -> bool:
    return end is not None and end < 10**8 and math.isfinite(end)  # mmengine's infinity is 1e9


def _warm_up_end(scheduler: Mapping[str, Any], epoch_length: int) -> int:
    """Where a scheduler that raises the rate from the first step on ends; 0 for all others."""
    name = str(scheduler.get('type')).split('.')[-1]
    end = scheduler.get('end')
    if scheduler.get('begin', 0) or end is None or not _is_finite(end):
        return 0
    low, high = scheduler.get('start_factor', 1 / 3), scheduler.get('end_factor', 1.0)
    rises = (name.startswith('Linear') and low < high) or name.startswith('QuadraticWarmup')
    rises = rises or (name.startswith('Constant') and scheduler.get('factor', 1 / 3) < 1)
    return int(end * _unit(scheduler, epoch_length)) if rises else 0
