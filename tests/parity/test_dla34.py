# SPDX-License-Identifier: Apache-2.0
"""DLA-34 with deformable up-sampling against the original's maps (reference case ``dla34``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from deepmark.models import CenterNetKeypointHead, DLANet, DLAUp

BRANCHES = {
    'hm': 'center_heatmap',
    'wh': 'box_size',
    'reg': 'center_offset',
    'hps': 'coarse_keypoints',
    'hm_hp': 'keypoint_heatmap',
    'hp_offset': 'keypoint_offset',
}
WIDE_HEAD = 50  # heads with as many channels are stored in part
TOLERANCE = 1e-4


def our_key(key: str) -> str:
    """Our name of a weight of the original."""
    first, rest = key.split('.', 1)
    if first == 'base':
        return f'backbone.{rest}'
    if first in BRANCHES:
        return f'bbox_head.stacks.0.{BRANCHES[first]}.{rest}'
    return f'neck.{first}.{rest.replace("conv_offset_mask", "conv_offset")}'


@pytest.fixture(scope='module')
def case(reference_root: Path) -> Path:
    return reference_root / 'dla34'


@pytest.fixture(scope='module')
def meta(case: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((case / 'meta.json').read_text())
    return content


@pytest.fixture(scope='module')
def model(case: Path, meta: dict[str, Any]) -> nn.ModuleDict:
    backbone = DLANet(meta['levels'], meta['channels'])
    neck = DLAUp(backbone.out_channels)
    head = CenterNetKeypointHead(neck.out_channels, feat_channels=meta['head_conv'])
    model = nn.ModuleDict({'backbone': backbone, 'neck': neck, 'bbox_head': head}).eval()
    weights = torch.load(case / 'checkpoint.pth', weights_only=True)['state_dict']
    missing, unknown = model.load_state_dict(
        {our_key(key): value for key, value in weights.items()}, strict=False
    )
    assert not missing
    # The shortcuts of two-level trees, which the original computes and does not use.
    deep = [f'backbone.level{i}.project.' for i, depth in enumerate(meta['levels']) if depth > 1]
    assert [key for key in unknown if not key.startswith(tuple(deep))] == []
    return model


@torch.no_grad()
def test_every_map_equals_the_original(
    case: Path, meta: dict[str, Any], model: nn.ModuleDict
) -> None:
    with np.load(case / 'outputs.npz') as file:
        stored = {name: torch.from_numpy(file[name]) for name in file.files}
    image = stored.pop('input')
    maps: dict[str, Tensor] = model['bbox_head'](model['neck'](model['backbone'](image)))[0]
    assert set(stored) == {f'stack0_{name}' for name in meta['heads']}
    for name, channels in meta['heads'].items():
        step = meta['wide_head_channel_step'] if channels >= WIDE_HEAD else 1
        ours = maps[BRANCHES[name]]
        assert ours.shape[1] == channels
        torch.testing.assert_close(
            ours[:, ::step], stored[f'stack0_{name}'], atol=TOLERANCE, rtol=0
        )
