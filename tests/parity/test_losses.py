# SPDX-License-Identifier: Apache-2.0
"""Targets and losses against the original's (reference cases with ``case.json``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from deepmark.codecs import CenterKeypointTargets, Garments
from deepmark.models.heads import CenterNetKeypointHead

CASE_FILES = ('case.json', 'head_outputs.npz', 'targets.npz')
NAMES = {
    'box_size': 'wh',
    'center_offset': 'reg',
    'coarse_keypoints': 'hps',
    'keypoint_offset': 'hp_offset',
}
LOSSES = {
    'loss_center_heatmap': 'hm',
    'loss_keypoint_heatmap': 'hm_hp',
    **{f'loss_{ours}': theirs for ours, theirs in NAMES.items()},
}


class ReferenceMaps:
    """Reads the stored maps under the original's names."""

    def __init__(self, maps: dict[str, Tensor]) -> None:
        self.maps = maps

    def read_flat(self, branch: str, image_index: Tensor, cells: Tensor) -> Tensor:
        return self.maps[NAMES[branch]][image_index, :, cells[:, 1], cells[:, 0]]


@pytest.fixture(scope='module')
def case(case_folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((case_folder / 'case.json').read_text())
    return content


@pytest.fixture(scope='module')
def head(case: dict[str, Any]) -> CenterNetKeypointHead:
    def loss(kind: str, name: str) -> dict[str, Any]:
        return {'type': f'deepmark.{kind}', 'loss_weight': case['loss_weights'][LOSSES[name]]}

    weighted = {
        name: loss('SparseFocalLoss' if 'heatmap' in name else 'MaskedL1Loss', name)
        for name in LOSSES
    }
    codec = {'stride': 1, 'boxes_without_keypoints': False}
    return CenterNetKeypointHead(4, feat_channels=4, codec=codec, **weighted)


@pytest.fixture(scope='module')
def targets(case: dict[str, Any], head: CenterNetKeypointHead) -> CenterKeypointTargets:
    rows = [(image, item) for image, items in enumerate(case['instances']) for item in items]
    # The shapes hold without any object, and for an object without a list of landmarks.
    keypoints = torch.zeros(len(rows), head.schema.max_keypoints, 3)
    for n, (_, item) in enumerate(rows):
        keypoints[n, : len(item['keypoints'])] = torch.tensor(item['keypoints']).reshape(-1, 3)
    labels = [head.schema.label_of(item['category_id']) for _, item in rows]
    boxes = [item['bbox_xyxy'] for _, item in rows]
    garments = Garments(
        image_index=torch.tensor([image for image, _ in rows], dtype=torch.int64),
        labels=torch.tensor(labels, dtype=torch.int64),
        boxes_xyxy=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        keypoints=keypoints[..., :2],
        visible=keypoints[..., 2] > 0,
    )
    height, width = case['map_size_hw']
    return head.codec.encode(garments, (height, width))


def test_heatmap_targets(case_folder: Path, targets: CenterKeypointTargets) -> None:
    with np.load(case_folder / 'targets.npz') as file:
        for name, support in (('hm', targets.center_support), ('hm_hp', targets.keypoint_support)):
            dense = np.zeros(file[name].size, dtype=np.float32)
            dense[support.position] = support.value
            np.testing.assert_allclose(dense, file[name].ravel(), atol=1e-6)


def test_losses(
    case_folder: Path,
    case: dict[str, Any],
    head: CenterNetKeypointHead,
    targets: CenterKeypointTargets,
) -> None:
    with np.load(case_folder / 'head_outputs.npz') as file:
        maps = {name: torch.from_numpy(file[name].astype(np.float32)) for name in file.files}
    losses = head.loss_by_maps(maps['hm'], maps['hm_hp'], ReferenceMaps(maps), targets)
    for ours, theirs in LOSSES.items():
        weight = case['loss_weights'][theirs]
        assert losses[ours].item() == pytest.approx(weight * case['losses'][theirs], rel=1e-4), ours
    total = sum(value.item() for value in losses.values())
    assert total == pytest.approx(case['losses']['total'], rel=1e-4)
