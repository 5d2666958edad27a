# SPDX-License-Identifier: Apache-2.0
"""From the command line to the configs that are compared, with everything wrong said at once."""

from __future__ import annotations

import ast
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from deepmark.apis.preflight import require_config_file
from deepmark.comparison.data import Data, point_at
from deepmark.comparison.results import Budget
from deepmark.engine.errors import RunError

OUR_METRIC = 'deepmark.DeepFashion2Metric'
ITEM_SEPARATOR = '='


class PlanError(RunError):
    """The command line asks for what cannot be done; nothing was started."""


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """The switches of ``tools/compare.py``.

    Attributes:
        items: ``CONFIG`` or ``CONFIG=WEIGHTS``, WEIGHTS being a checkpoint or a work directory.
        budget: Of every training.
        seeds: Number of random seeds: 0, 1, ...
        evaluations: Evenly spaced in each training, the test being the last.
        data: 'garments', 'deepfashion2' or a folder.
        out: Folder of the comparison.
        cfg_options: Config entries to replace in all configs.
        from_scratch: Without pre-trained weights.
        timing_rounds: 0 times nothing.
        retry_failed: Try failed runs again.
        overwrite: Run anew what was asked differently before.
        stall_minutes: A run that shows no sign of life for so long is ended.
        command: As the user typed it.
    """

    items: Sequence[str]
    budget: Budget = field(default_factory=Budget)
    seeds: int = 3
    evaluations: int = 1
    data: str = 'garments'
    out: Path = Path('work_dirs/compare')
    cfg_options: Mapping[str, Any] = field(default_factory=dict)
    from_scratch: bool = False
    timing_rounds: int = 5
    retry_failed: bool = False
    overwrite: bool = False
    stall_minutes: float = 30.0
    command: str = 'python tools/compare.py'


class PlannedModel(NamedTuple):
    """A model to compare.

    Attributes:
        name: Stem of the config.
        config: Path as given.
        weights: Checkpoint or folder to test instead of training.
        title: First line of the config's docstring.
        cfg: Merged, pointed at the data.
    """

    name: str
    config: str
    weights: str | None
    title: str
    cfg: Config


def check_options(options: CompareOptions) -> None:
    """Check the numbers.

    Raises:
        PlanError: One makes no sense.
    """
    budget = options.budget
    if not options.items:
        raise PlanError('give at least one config')
    if budget.minutes is not None and budget.epochs is not None:
        raise PlanError('give --budget-minutes or --epochs, not both')
    for flag, minutes in (
        ('--budget-minutes', 1.0 if budget.minutes is None else budget.minutes),
        ('--stall-minutes', options.stall_minutes),
    ):
        if not 0 < minutes < math.inf:
            raise PlanError(f'{flag} {minutes:g}: must be a number of minutes, more than 0')
    for flag, value in (
        ('--epochs', 1 if budget.epochs is None else budget.epochs),
        ('--seeds', options.seeds),
        ('--evaluations', options.evaluations),
    ):
        if value < 1:
            raise PlanError(f'{flag} {value}: must be at least 1')
    if options.timing_rounds < 0:
        raise PlanError(f'--timing-rounds {options.timing_rounds}: must not be negative')


def plan_models(options: CompareOptions, data: Data) -> list[PlannedModel]:
    """Read all configs.

    Raises:
        PlanError: A config or weights are not there, a config cannot be read, or two configs have
            the same stem.
    """
    split = [_split(item) for item in options.items]
    _require_different_stems([config for config, _ in split])
    earlier: list[str] = []
    models = []
    for config, weights in split:
        _require_weights(config, weights, [options.out / name for name in earlier])
        models.append(_planned(config, weights, options, data))
        earlier.append(models[-1].name)
    return models


def read_config(config: str, cfg_options: Mapping[str, Any], data: Data) -> Config:
    """A config with the switches over it and its evaluators asked for all figures.

    Raises:
        PlanError: It is not there or cannot be read.
    """
    require_config_file(config)
    try:
        cfg = Config.fromfile(config)
        cfg.merge_from_dict(dict(cfg_options))
    except Exception as error:  # a config is code: anything may be raised
        raise PlanError(f'{config}: {type(error).__name__}: {error}') from error
    for part in ('model', 'test_dataloader', 'test_evaluator', 'test_cfg'):
        if cfg.get(part) is None:
            raise PlanError(f'{config}: the config has no {part}')
    if data.root is not None:
        point_at(cfg, data.root)
    ask_for_all_figures(cfg)
    return cfg


def ask_for_all_figures(cfg: Config) -> None:
    """Let our metric of the test give figures for categories and slices too, in place."""
    evaluator = cfg.test_evaluator
    parts = evaluator if isinstance(evaluator, (list, tuple)) else [evaluator]
    changed = [
        {**part, 'classwise': True, 'slices': True} if part.get('type') == OUR_METRIC else part
        for part in parts
    ]
    # Anew, since configs write `test_evaluator = val_evaluator`.
    cfg.test_evaluator = changed if isinstance(evaluator, (list, tuple)) else changed[0]


def title_of(config: str) -> str:
    """First line of the docstring of a config; empty without one."""
    docstring = ast.get_docstring(ast.parse(Path(config).read_text(encoding='utf-8')))
    return (docstring or '').split('\n', 1)[0].strip()


def path_in_project(path: str) -> str:
    """A path relative to the repository that it is in; as given outside one.

    Example:
        >>> path_in_project('configs/a.py')
        'configs/a.py'
    """
    absolute = Path(os.path.abspath(path))
    for parent in absolute.parents:
        if (parent / '.git').exists():
            return absolute.relative_to(parent).as_posix()
    return path


def _split(item: str) -> tuple[str, str | None]:
    config, separator, weights = item.partition(ITEM_SEPARATOR)
    if separator and not weights:
        raise PlanError(f'{item}: give a checkpoint or a work directory behind the =')
    return config, weights or None


def _planned(config: str, weights: str | None, options: CompareOptions, data: Data) -> PlannedModel:
    cfg = read_config(config, options.cfg_options, data)
    title = title_of(config) if config.endswith('.py') else ''
    return PlannedModel(Path(config).stem, config, weights, title, cfg)


def _require_different_stems(configs: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for config in configs:
        stem = Path(config).stem
        if stem in seen:
            raise PlanError(
                f'{seen[stem]} and {config} have the same name, which names the row and the '
                'folder; copy one of them to another name'
            )
        seen[stem] = config


def _require_weights(config: str, weights: str | None, later: Sequence[Path]) -> None:
    """Weights are there, or are those of a model that this comparison trains before."""
    if weights is None or Path(weights).exists():
        return
    if any(os.path.abspath(weights) == os.path.abspath(folder) for folder in later):
        return
    raise PlanError(
        f'{config}={weights}: there is no such checkpoint or work directory, and no model before '
        'this one on the command line has that folder'
    )
