# SPDX-License-Identifier: Apache-2.0
"""Stop a run whose checkpoint does not fit its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop

from deepmark.engine.checkpoint_match import describe, require_full_match, require_some_match
from deepmark.engine.errors import CheckpointError
from deepmark.registry import HOOKS

NEEDED_TO_RESUME = ('meta', 'state_dict', 'message_hub')


@HOOKS.register_module()
class CheckpointGuardHook(Hook):
    """Compare every checkpoint with the model when the Runner has read it.

    Testing, validating and resuming need all weights; a training that starts from ``load_from``
    needs at least one, and logs how many it got. ``tools/train.py`` and ``tools/test.py`` add this
    hook; listed under ``custom_hooks`` it serves mmdet's own tools as well.
    """

    # After EMAHook, which exchanges the weights in the same call.
    priority = 'VERY_LOW'

    def after_load_checkpoint(self, runner: Any, checkpoint: Mapping[str, Any]) -> None:
        """Check the weights before they are loaded.

        Raises:
            CheckpointError: The checkpoint does not fit, or cannot be resumed from.
        """
        name = str(runner._load_from or 'the checkpoint')
        if runner._resume:
            require_resumable(checkpoint, name)
        # The loop is built from its config at the start of ``Runner.train`` only.
        if runner._resume or not isinstance(runner._train_loop, BaseLoop):
            require_full_match(runner.model, checkpoint, name)
            return
        match = require_some_match(runner.model, checkpoint, name)
        runner.logger.info(f'Start from {name}: {describe(match)}')


def require_resumable(checkpoint: Mapping[str, Any], name: str) -> None:
    """Check that the checkpoint holds the state of a training.

    Raises:
        CheckpointError: A part is missing, as in a file of weights for publication.
    """
    missing = [key for key in NEEDED_TO_RESUME if key not in checkpoint]
    if not missing:
        missing = [f'meta.{key}' for key in ('epoch', 'iter') if key not in checkpoint['meta']]
    if missing:
        raise CheckpointError(
            f'{name} cannot be resumed from: it has no {", ".join(missing)}. To start a new '
            f'training from its weights, drop --resume and give --cfg-options load_from={name}'
        )
