# SPDX-License-Identifier: Apache-2.0
"""A tiny schema and samples for the tests of the model's parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

TINY_SCHEMA = {
    'name': 'tiny',
    'categories': [
        {'id': 1, 'name': 'bar', 'num_keypoints': 2, 'flip_pairs': '1-2', 'sigmas': [0.1, 0.1]},
        {'id': 2, 'name': 'corner', 'num_keypoints': 3, 'sigmas': [0.1, 0.1, 0.1]},
    ],
}


@pytest.fixture
def tiny_schema() -> dict[str, Any]:
    return TINY_SCHEMA


def make_sample(boxes: list[list[float]], labels: list[int], keypoints: Any) -> DetDataSample:
    """A sample whose input is the original image; keypoints (N, 3, 3) with x, y, v."""
    points = np.asarray(keypoints, dtype=np.float32).reshape(-1, 3, 3)
    identity = np.array([[1.0, 0, 0], [0, 1, 0]])
    sample = DetDataSample(metainfo={'inverse_warp_matrix': identity, 'img_shape': (48, 80)})
    sample.gt_instances = InstanceData(
        bboxes=torch.tensor(boxes, dtype=torch.float32).view(-1, 4),
        labels=torch.tensor(labels, dtype=torch.long),
        keypoints=points[..., :2],
        keypoints_visible=points[..., 2].astype(np.uint8),
    )
    return sample


@pytest.fixture
def samples() -> list[DetDataSample]:
    """Two images: a corner and a bar; nothing at all."""
    return [
        make_sample(
            [[6, 10, 44, 36], [31, 5, 75, 43]],
            [1, 0],
            [
                [[8, 12, 2], [20, 18, 0], [41, 35, 1]],
                [[36, 11, 2], [70, 38, 2], [0, 0, 0]],
            ],
        ),
        make_sample([], [], []),
    ]
