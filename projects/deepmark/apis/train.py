# SPDX-License-Identifier: Apache-2.0
"""Train a model from a config: what ``tools/train.py`` does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmdet.utils import setup_cache_size_limit_of_dynamo
from mmengine.config import Config
from mmengine.logging import print_log

from deepmark.apis.preflight import (
    find_checkpoint_to_resume,
    require_checkpoint,
    require_data,
    require_writable,
)
from deepmark.apis.run_config import add_checkpoint_guard, build_runner, load_run_config
from deepmark.engine.cpu_process_group import cpu_process_group
from deepmark.engine.errors import RunError
from deepmark.engine.pretrained_start import (
    forget_pretrained,
    require_reachable_starts,
    start_from_scratch,
)
from deepmark.engine.start_checkpoint_hook import require_start_checkpoint

AUTOCAST_WRAPPER = 'deepmark.AutocastOptimWrapper'
AUTO_RESUME = 'auto'


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """The switches of ``tools/train.py``.

    Attributes:
        config: Path of the config file.
        work_dir: Where logs and checkpoints go; None for the config's.
        amp: Train in mixed precision.
        auto_scale_lr: Scale the learning rate by the total batch size.
        resume: None, 'auto' (the newest checkpoint in the work directory) or a checkpoint.
        cfg_options: Config entries to replace, dotted keys.
        launcher: 'none', 'pytorch', 'slurm' or 'mpi'.
        from_scratch: Take all start weights out of the config, and let what they froze learn.
    """

    config: str
    work_dir: str | None = None
    amp: bool = False
    auto_scale_lr: bool = False
    resume: str | None = None
    cfg_options: dict[str, Any] | None = None
    launcher: str = 'none'
    from_scratch: bool = False


def run_training(options: TrainOptions) -> None:
    """Check what can be checked at once, then train.

    Raises:
        RunError: A path is missing, start weights cannot be had, or there is nothing to resume.
    """
    setup_cache_size_limit_of_dynamo()
    cfg = make_training_config(options)
    require_data(cfg, ('train_dataloader', 'val_dataloader'))
    require_writable(cfg.work_dir)
    require_reachable_starts(cfg)
    with cpu_process_group(cfg):
        build_runner(cfg).train()


def make_training_config(options: TrainOptions) -> Config:
    """Build the config that the Runner gets.

    Raises:
        RunError: The config or a checkpoint is missing, or a switch does not suit the config.
    """
    cfg = load_run_config(
        options.config,
        work_dir=options.work_dir,
        launcher=options.launcher,
        cfg_options=options.cfg_options,
    )
    add_checkpoint_guard(cfg)
    if options.amp:
        use_autocast(cfg)
    if options.auto_scale_lr:
        scale_learning_rate(cfg)
    if options.from_scratch:
        changed = start_from_scratch(cfg)
        print_log(f'--from-scratch changed: {", ".join(changed) or "nothing"}', 'current')
    if options.resume is not None:
        resume_from(cfg, options.resume)
    if not cfg.get('resume'):
        require_start_checkpoint(cfg)
    elif cfg.get('load_from'):
        forget_pretrained(cfg)
    if cfg.get('load_from'):
        require_checkpoint(cfg.load_from, '--resume' if options.resume else 'load_from')
    return cfg


def use_autocast(cfg: Config) -> None:
    """Train in mixed precision, on the CPU too.

    The dtype is bfloat16 unless ``optim_wrapper.dtype`` names another one than float32.

    Raises:
        RunError: The config has no optimizer.
    """
    if cfg.get('optim_wrapper') is None:
        raise RunError('--amp: the config has no optim_wrapper')
    cfg.optim_wrapper.type = AUTOCAST_WRAPPER
    if cfg.optim_wrapper.get('dtype') in (None, 'float32'):
        cfg.optim_wrapper.dtype = 'bfloat16'


def scale_learning_rate(cfg: Config) -> None:
    """Scale the learning rate by batch size / ``auto_scale_lr.base_batch_size``.

    Raises:
        RunError: The config does not say for which batch size its learning rate is meant.
    """
    settings = cfg.get('auto_scale_lr') or {}
    if 'base_batch_size' not in settings:
        raise RunError(
            '--auto-scale-lr: the config has no auto_scale_lr.base_batch_size (the '
            'total batch size that its learning rate is meant for)'
        )
    cfg.auto_scale_lr.enable = True


def resume_from(cfg: Config, resume: str) -> None:
    """Resume from a checkpoint, or from the newest one of the work directory.

    Raises:
        RunError: There is nothing to resume.
    """
    if resume != AUTO_RESUME:
        cfg.resume, cfg.load_from = True, resume
        return
    checkpoint = find_checkpoint_to_resume(cfg.work_dir)
    # An earlier run that was stopped before its first checkpoint starts anew, as in mmdet; not
    # from the checkpoint of its own load_from, unless the config names one.
    cfg.resume = checkpoint is not None
    if checkpoint is not None:
        cfg.load_from = str(checkpoint)
