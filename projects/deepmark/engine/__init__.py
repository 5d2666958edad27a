# SPDX-License-Identifier: Apache-2.0
"""What a run needs beside data and model: precision, process group, checkpoints, curves.

Importing this package makes mmengine read checkpoints without full unpickling
(`deepmark.engine.checkpoint_schemes`).
"""

from deepmark.engine.activation_checkpointing_hook import ActivationCheckpointingHook
from deepmark.engine.autocast_optim_wrapper import AutocastOptimWrapper
from deepmark.engine.checkpoint_guard_hook import CheckpointGuardHook
from deepmark.engine.checkpoint_match import load_weights
from deepmark.engine.checkpoint_schemes import register_safe_loaders
from deepmark.engine.cpu_process_group import cpu_process_group
from deepmark.engine.curves_hook import CurvesHook
from deepmark.engine.errors import CheckpointError, RunError
from deepmark.engine.start_checkpoint_hook import StartCheckpointHook

register_safe_loaders()

__all__ = [
    'ActivationCheckpointingHook',
    'AutocastOptimWrapper',
    'CheckpointError',
    'CheckpointGuardHook',
    'CurvesHook',
    'RunError',
    'StartCheckpointHook',
    'cpu_process_group',
    'load_weights',
    'register_safe_loaders',
]
