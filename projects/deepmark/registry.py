# SPDX-License-Identifier: Apache-2.0
"""Registries of scope ``deepmark``, children of mmengine's roots.

Configs of mmdet and mmpose name our parts as ``deepmark.X`` whatever their default scope is, so one
neck serves both runners and no registered part of the hosts is ever replaced.
"""

from __future__ import annotations

from mmengine import registry as roots
from mmengine.registry import Registry

SCOPE = 'deepmark'
# What mmengine imports at the first look-up, should nobody have done so; without it, it looks for
# `deepmark.utils` and advises to install another project of PyPI.
_WHERE = ['deepmark']

DATASETS = Registry('dataset', parent=roots.DATASETS, scope=SCOPE, locations=_WHERE)
TRANSFORMS = Registry('transform', parent=roots.TRANSFORMS, scope=SCOPE, locations=_WHERE)
MODELS = Registry('model', parent=roots.MODELS, scope=SCOPE, locations=_WHERE)
TASK_UTILS = Registry('task util', parent=roots.TASK_UTILS, scope=SCOPE, locations=_WHERE)
METRICS = Registry('metric', parent=roots.METRICS, scope=SCOPE, locations=_WHERE)
HOOKS = Registry('hook', parent=roots.HOOKS, scope=SCOPE, locations=_WHERE)
LOOPS = Registry('loop', parent=roots.LOOPS, scope=SCOPE, locations=_WHERE)
OPTIM_WRAPPERS = Registry(
    'optim_wrapper', parent=roots.OPTIM_WRAPPERS, scope=SCOPE, locations=_WHERE
)
VISUALIZERS = Registry('visualizer', parent=roots.VISUALIZERS, scope=SCOPE, locations=_WHERE)
INFERENCERS = Registry('inferencer', parent=roots.INFERENCERS, scope=SCOPE, locations=_WHERE)
