# SPDX-License-Identifier: Apache-2.0
"""Say how to get the checkpoint that a training starts from, when it is not there yet.

The paper's configs start from CenterNet's COCO detector, a file that everybody converts once.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop

from deepmark.engine.errors import CheckpointError
from deepmark.registry import HOOKS

HOOK = 'deepmark.StartCheckpointHook'
UNKNOWN_SOURCE = 'CENTERNET.pth'
CONVERTER = 'tools/model_converters/centernet_to_deepmark.py'


@HOOKS.register_module()
class StartCheckpointHook(Hook):
    """Stop a training whose ``load_from`` names a local file that is absent, with two lines.

    The first line is the command that converts one, the second how to do without. Listed under
    ``custom_hooks`` it serves mmdet's own ``train.py`` too: the Runner gives itself to a hook for
    the first time in ``before_run``, after the data sets were built and before any weight is
    initialised or loaded. ``tools/train.py`` asks at once, before the data sets.

    Testing and resuming are left alone: there ``load_from`` is what the user asked for.

    Args:
        source: What to convert, as its authors name the file; None for what the config says under
            ``start_checkpoint_source``.
    """

    # Before any other hook does something.
    priority = 'HIGHEST'

    def __init__(self, source: str | None = None) -> None:
        self.source = source

    def before_run(self, runner: Any) -> None:
        """Check ``load_from`` at the start of ``Runner.train``.

        Raises:
            CheckpointError: The file is absent.
        """
        # The loop is built from its config at the start of ``Runner.train`` only.
        if isinstance(runner._train_loop, BaseLoop) and not runner._resume:
            self.require(runner._load_from, runner.cfg)

    def require(self, load_from: str | os.PathLike[str] | None, cfg: Config) -> None:
        """Check that the checkpoint is there, unless it is None or has a scheme (``https://``).

        Args:
            load_from: Name of the checkpoint.
            cfg: The run's config, for the advice.

        Raises:
            CheckpointError: It is not.
        """
        if not load_from or not is_absent(load_from):
            return
        source = self.source or cfg.get('start_checkpoint_source') or UNKNOWN_SOURCE
        command = shlex.join(
            ['python', CONVERTER, source, str(load_from), '--config', cfg.filename or 'CONFIG']
        )
        raise CheckpointError(
            f'load_from: {load_from} is not there; convert one: {command}\n'
            'or train from scratch: --cfg-options load_from=None'
        )


def require_start_checkpoint(cfg: Config) -> None:
    """Do what the config's StartCheckpointHook would do; without that hook, nothing.

    Args:
        cfg: Config of a training that resumes nothing.

    Raises:
        CheckpointError: ``load_from`` names a file that is absent.
    """
    for hook in cfg.get('custom_hooks') or ():
        if isinstance(hook, Mapping) and hook.get('type') == HOOK:
            built = HOOKS.build({key: hook[key] for key in hook if key != 'priority'})
            built.require(cfg.get('load_from'), cfg)


def is_absent(path: str | os.PathLike[str]) -> bool:
    """Tell whether a checkpoint with a local name is missing; other names are not looked up."""
    return '://' not in str(path) and not Path(path).expanduser().is_file()
