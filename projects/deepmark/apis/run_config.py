# SPDX-License-Identifier: Apache-2.0
"""From a config file and command-line switches to the config of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from deepmark.apis.preflight import require_config_file
from deepmark.engine.errors import RunError

GUARD_HOOK = 'deepmark.CheckpointGuardHook'


def load_run_config(
    config: str, *, work_dir: str | None, launcher: str, cfg_options: Mapping[str, Any] | None
) -> Config:
    """Read a config and lay the switches that training and testing share over it.

    The work directory is the switch, else the config's, else ``./work_dirs/<name of the config>``.

    Raises:
        RunError: The config is not there, or has no model.
    """
    require_config_file(config)
    cfg = Config.fromfile(config)
    cfg.launcher = launcher
    if cfg_options is not None:
        cfg.merge_from_dict(dict(cfg_options))
    if work_dir is not None:
        cfg.work_dir = work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(config).stem)
    if cfg.get('model') is None:
        raise RunError(f'{config}: the config has no model')
    return cfg


def add_checkpoint_guard(cfg: Config) -> None:
    """List CheckpointGuardHook among the hooks unless it is there."""
    hooks = list(cfg.get('custom_hooks') or [])
    if not any(isinstance(hook, Mapping) and hook.get('type') == GUARD_HOOK for hook in hooks):
        cfg.custom_hooks = [*hooks, {'type': GUARD_HOOK}]


def build_runner(cfg: Config) -> Runner:
    """Build mmengine's Runner, or the one that ``cfg.runner_type`` names."""
    if 'runner_type' in cfg:
        return RUNNERS.build(cfg)
    return Runner.from_cfg(cfg)
