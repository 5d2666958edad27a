# SPDX-License-Identifier: Apache-2.0
"""The model that a checkpoint is converted for: names and shapes of its weights, no values."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn

from deepmark.apis.command_line import is_user_error
from deepmark.apis.preflight import require_config_file
from deepmark.converters.family import Shapes
from deepmark.engine.errors import RunError
from deepmark.registry import MODELS
from deepmark.schema import LandmarkSchema, get_schema

HEAD = 'CenterNetKeypointHead'
PARTS = ('backbone', 'neck', 'bbox_head')


@dataclass(frozen=True)
class TargetModel:
    """The model of a config.

    Attributes:
        name: the config file.
        backbone: class name.
        shapes: of every weight.
        settings: arguments of backbone, neck and head by dotted key of the config, those included
            that the config leaves at their defaults.
        schema: categories and landmarks.
    """

    name: str
    backbone: str
    shapes: Shapes
    settings: Mapping[str, object]
    schema: LandmarkSchema

    def differing(self, settings: Mapping[str, object]) -> dict[str, object]:
        """Those of the settings (dotted keys) that the model, if it has such a part, has otherwise.

        >>> model = TargetModel('a.py', 'DLANet', {}, {'model.neck.dcn': True}, get_schema())
        >>> model.differing({'model.neck.dcn': False}), model.differing({'model.neck.dcn': True})
        ({'model.neck.dcn': False}, {})
        """
        return {
            key: value
            for key, value in settings.items()
            if key in self.settings and self.settings[key] != value
        }


def read_target_model(
    config: str | os.PathLike[str], cfg_options: Mapping[str, Any] | None = None
) -> TargetModel:
    """Build the model of a config without memory for its weights.

    Args:
        config: config file.
        cfg_options: config entries to replace, dotted keys.

    Raises:
        RunError: there is no such config, it or the options are faulty, or it has another head.
    """
    require_config_file(config)
    options = dict(cfg_options or {})
    name = f'{config} with --cfg-options {options}' if options else str(config)
    with _faults_of(f'{config}: the config cannot be read'):
        cfg = Config.fromfile(config)
    with _faults_of(f'{name}: the options do not fit the config'):
        cfg.merge_from_dict(options)
    _require_head(cfg, name)
    scope = DefaultScope.overwrite_default_scope(cfg.get('default_scope') or 'mmdet')
    with _faults_of(f'{name}: the model cannot be built'), scope, torch.device('meta'):
        model = MODELS.build(cfg.model)
    return TargetModel(
        name=str(config),
        backbone=type(model.backbone).__name__,
        shapes={key: tuple(value.shape) for key, value in model.state_dict().items()},
        settings=_settings_of(model, cfg.model),
        schema=get_schema(cfg.model.bbox_head.get('schema')),
    )


@contextmanager
def _faults_of(what: str) -> Iterator[None]:
    """Name the config in an error; a config is code, so it may raise anything."""
    try:
        yield
    except Exception as error:
        if is_user_error(error):
            raise
        raise RunError(f'{what}: {type(error).__name__}: {error}') from error


def _require_head(cfg: Config, name: str) -> None:
    model = cfg.get('model')
    head = model.get('bbox_head') if isinstance(model, Mapping) else None
    kind = head.get('type') if isinstance(head, Mapping) else head
    if str(kind).split('.')[-1] != HEAD:  # without its scope
        raise RunError(
            f'{name}: model.bbox_head is {kind or "missing"}; checkpoints are converted for '
            f'models with deepmark.{HEAD}'
        )


def _settings_of(model: nn.Module, cfg: Mapping[str, Any]) -> dict[str, object]:
    settings = {}
    for part in PARTS:
        module = getattr(model, part, None)
        if module is None:
            continue
        parameters = inspect.signature(type(module)).parameters.values()
        arguments = {parameter.name: parameter.default for parameter in parameters} | dict(
            cfg[part]
        )
        for name, value in arguments.items():
            settings[f'model.{part}.{name}'] = tuple(value) if isinstance(value, list) else value
    return settings
