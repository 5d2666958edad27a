# SPDX-License-Identifier: Apache-2.0
"""What a config's model predicts, told by the class that its ``type`` names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from mmdet.models.detectors.base import BaseDetector
from mmengine.config import Config
from mmengine.registry import DefaultScope

from deepmark.models.detectors import DeepMark
from deepmark.registry import MODELS

Kind = Literal['one-shot', 'boxes', 'top-down', 'unknown']


def kind_of(cfg: Config) -> Kind:
    """Tell one-shot models, box detectors and top-down estimators apart.

    DeepMark and mmpose's bottom-up estimators (YOLOX-Pose, RTMO) are 'one-shot', mmpose's top-down
    ones 'top-down', every other detector of mmdet 'boxes', and everything else, such as a type
    that no registry has, 'unknown'.
    """
    model = model_class(cfg)
    if model is None:
        return 'unknown'
    if issubclass(model, DeepMark):
        return 'one-shot'
    names = {base.__name__ for base in model.__mro__ if base.__module__.startswith('mmpose.')}
    if 'TopdownPoseEstimator' in names:
        return 'top-down'
    if 'BottomupPoseEstimator' in names:
        return 'one-shot'
    return 'boxes' if issubclass(model, BaseDetector) else 'unknown'


def model_class(cfg: Config) -> type[Any] | None:
    """The class of the config's model; None without one, or when no registry has it."""
    name = (cfg.get('model') or {}).get('type')
    if isinstance(name, type):
        return name
    if not name:
        return None
    with MODELS.switch_scope_and_registry(_scope(cfg)) as registry:
        found = registry.get(name)
    return found if isinstance(found, type) else None


@contextmanager
def scope_of(cfg: Config) -> Iterator[None]:
    """Look names without a scope up in the config's own; afterwards it is as before."""
    with DefaultScope.overwrite_default_scope(_scope(cfg)):
        yield


def _scope(cfg: Config) -> str:
    return cfg.get('default_scope') or 'mmdet'
