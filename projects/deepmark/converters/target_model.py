# SPDX-License-Identifier: Apache-2.0
"""The model that a checkpoint is converted for: names and shapes of its weights, no values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from deepmark.apis.preflight import require_config_file
from deepmark.converters.family import Family, Shapes
from deepmark.engine.errors import RunError
from deepmark.registry import MODELS
from deepmark.schema import LandmarkSchema, get_schema

HEAD = 'CenterNetKeypointHead'


@dataclass(frozen=True)
class TargetModel:
    """The model of a config.

    Attributes:
        name: the config file.
        cfg: the config.
        shapes: of every weight.
        schema: categories and landmarks.
    """

    name: str
    cfg: Config
    shapes: Shapes
    schema: LandmarkSchema

    def differing(self, settings: Mapping[str, object]) -> dict[str, object]:
        """Those of the settings (dotted keys) that the config has otherwise."""
        return {key: value for key, value in settings.items() if not self._has(key, value)}

    def _has(self, key: str, value: object) -> bool:
        entry: Any = {'model': self.cfg.model}
        for part in key.split('.'):
            entry = entry.get(part) if isinstance(entry, Mapping) else None
        return (tuple(entry) if isinstance(entry, list) else entry) == value


def read_target_model(
    config: str | os.PathLike[str], cfg_options: Mapping[str, Any] | None, family: Family
) -> TargetModel:
    """Build the model of a config without memory for its weights.

    Args:
        config: config file.
        cfg_options: config entries to replace, dotted keys.
        family: of the checkpoint.

    Raises:
        RunError: there is no such config, or its model is not for this family.
    """
    require_config_file(config)
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(dict(cfg_options or {}))
    _require_family(cfg, str(config), family)
    scope = cfg.get('default_scope') or 'mmdet'
    with DefaultScope.overwrite_default_scope(scope), torch.device('meta'):
        model = MODELS.build(cfg.model)
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    return TargetModel(str(config), cfg, shapes, get_schema(cfg.model.bbox_head.get('schema')))


def _require_family(cfg: Config, config: str, family: Family) -> None:
    model = cfg.get('model') or {}
    backbone, head = (_class_of(model.get(part)) for part in ('backbone', 'bbox_head'))
    if head != HEAD:
        raise RunError(
            f'{config}: model.bbox_head is {head or "missing"}; checkpoints are converted for '
            f'models with deepmark.{HEAD}'
        )
    if backbone != family.backbone:
        raise RunError(
            f'{config}: model.backbone is {backbone or "missing"}, and the checkpoint is of the '
            f'family {family.name}, which fits {family.backbone}: name another config with '
            f'--config (such as configs/{family.config}) or another checkpoint'
        )


def _class_of(config: Mapping[str, Any] | None) -> str:
    """Class name without its scope."""
    return str((config or {}).get('type', '')).split('.')[-1]
