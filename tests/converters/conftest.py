# SPDX-License-Identifier: Apache-2.0
"""Configs of narrow networks, for the checkpoints of ``original_layouts``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from .original_layouts import BLOCKS, NARROW

HEAD = {'type': 'deepmark.CenterNetKeypointHead'}
HOURGLASS_MODEL: dict[str, Any] = {
    'type': 'deepmark.DeepMark',
    'backbone': {
        'type': 'HourglassNet',
        'downsample_times': 5,
        'num_stacks': 2,
        'stage_channels': NARROW,
        'stage_blocks': BLOCKS,
        'feat_channel': 4,
    },
    'bbox_head': {**HEAD, 'num_stacks': 2, 'in_channels': 4, 'feat_channels': 4},
}
DLA_MODEL: dict[str, Any] = {
    'type': 'deepmark.DeepMark',
    'backbone': {
        'type': 'deepmark.DLANet',
        'levels': (1, 1, 1, 2, 2, 1),
        'channels': (4, 4, 4, 6, 6, 8),
    },
    'neck': {'type': 'deepmark.DLAUp', 'in_channels': (4, 6, 6, 8), 'dcn': True},
    'bbox_head': {**HEAD, 'in_channels': 4, 'feat_channels': 10},
}


def write_config(path: Path, model: dict[str, Any]) -> Path:
    Config({'default_scope': 'mmdet', 'model': model}).dump(path)
    return path


@pytest.fixture
def hourglass_config(tmp_path: Path) -> Path:
    return write_config(tmp_path / 'narrow_hourglass.py', HOURGLASS_MODEL)


@pytest.fixture
def dla_config(tmp_path: Path) -> Path:
    return write_config(tmp_path / 'narrow_dla.py', DLA_MODEL)
