# SPDX-License-Identifier: Apache-2.0
"""Registries of scope ``deepmark``, children of mmengine's roots.

Configs of mmdet and mmpose name our parts as ``deepmark.X`` whatever their default scope is, so one
neck serves both runners and no registered part of the hosts is ever replaced.
"""

from __future__ import annotations

from mmengine import registry as roots
from mmengine.registry import Registry

SCOPE = 'deepmark'

DATASETS = Registry('dataset', parent=roots.DATASETS, scope=SCOPE)
TRANSFORMS = Registry('transform', parent=roots.TRANSFORMS, scope=SCOPE)
MODELS = Registry('model', parent=roots.MODELS, scope=SCOPE)
TASK_UTILS = Registry('task util', parent=roots.TASK_UTILS, scope=SCOPE)
METRICS = Registry('metric', parent=roots.METRICS, scope=SCOPE)
HOOKS = Registry('hook', parent=roots.HOOKS, scope=SCOPE)
LOOPS = Registry('loop', parent=roots.LOOPS, scope=SCOPE)
OPTIM_WRAPPERS = Registry('optim_wrapper', parent=roots.OPTIM_WRAPPERS, scope=SCOPE)
VISUALIZERS = Registry('visualizer', parent=roots.VISUALIZERS, scope=SCOPE)
INFERENCERS = Registry('inferencer', parent=roots.INFERENCERS, scope=SCOPE)
