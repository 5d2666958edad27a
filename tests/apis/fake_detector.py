# SPDX-License-Identifier: Apache-2.0
"""A detector that finds one skirt in every image, and a config that uses it."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.structures import InstanceData

from deepmark.registry import MODELS
from deepmark.schema import DEEPFASHION2

SKIRT = 8


@MODELS.register_module(force=True)
class FakeSkirtDetector(BaseModel):
    """Predicts a skirt in the left half of each original image; its score is a weight."""

    def __init__(self, score: float = 0.8, with_keypoints: bool = True) -> None:
        super().__init__()
        self.score = torch.nn.Parameter(torch.tensor(score))
        self.with_keypoints = with_keypoints
        self.batch_sizes: list[int] = []

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = 'tensor') -> list[Any]:
        assert mode == 'predict'
        self.batch_sizes.append(len(data_samples))
        for sample in data_samples:
            height, width = sample.ori_shape
            box = torch.tensor([[0.0, 0.0, width / 2, height]])
            instances = InstanceData(
                bboxes=box.repeat(2, 1),
                labels=torch.tensor([SKIRT, SKIRT]),
                scores=torch.stack([self.score / 10, self.score]),
            )
            if self.with_keypoints:
                points = torch.arange(8).float()[:, None].repeat(1, 2)
                keypoints = torch.zeros(2, DEEPFASHION2.max_keypoints, 2)
                keypoints[:, :8] = points
                instances.keypoints = keypoints
                instances.keypoint_scores = torch.full(keypoints.shape[:2], 0.25)
            sample.pred_instances = instances
        return list(data_samples)


def fake_config(**model: Any) -> Config:
    """A config with a test pipeline as mmdet's detectors have it, annotations and all."""
    pipeline = [
        {'type': 'LoadImageFromFile', 'backend_args': None},
        {'type': 'Resize', 'scale': (64, 64), 'keep_ratio': True},
        {'type': 'LoadAnnotations', 'with_bbox': True},
        {'type': 'deepmark.LoadLandmarks'},
        {'type': 'PackDetInputs', 'meta_keys': ('img_id', 'img_path', 'ori_shape', 'instances')},
    ]
    return Config(
        {
            'default_scope': 'mmdet',
            'model': {'type': 'deepmark.FakeSkirtDetector', **model},
            'test_dataloader': {
                'dataset': {'type': 'RepeatDataset', 'dataset': {'pipeline': pipeline}}
            },
        }
    )
