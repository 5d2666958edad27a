# SPDX-License-Identifier: Apache-2.0
"""A detector, a data set and a metric that train in a second; imported by the runs under test.

Each image is grey with one white square; the model regresses its corner. The metric counts the
images, so that one that is counted twice or lost shows.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, METRICS, MODELS
from mmengine.structures import InstanceData
from torch import nn
from torch.utils.data import Dataset

SIZE = 16


@DATASETS.register_module()
class ToySquares(Dataset):
    """``length`` images in ``data_root``, drawn when they are not there."""

    def __init__(self, data_root: str, length: int, seconds: float = 0.0) -> None:
        self.paths = [Path(data_root) / f'{index}.png' for index in range(length)]
        self.seconds = seconds
        self.metainfo = {'classes': ('square',), 'palette': [(255, 0, 0)]}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict:
        time.sleep(self.seconds)
        path = self.paths[index]
        x = index % 8
        if not path.exists():
            picture = np.full((SIZE, SIZE, 3), 100, np.uint8)
            picture[4:12, x : x + 8] = 255
            temporary = path.with_name(f'{os.getpid()}-{path.name}')
            cv2.imwrite(str(temporary), picture)
            temporary.replace(path)
        image = cv2.imread(str(path))
        sample = DetDataSample(
            metainfo={
                'img_id': index,
                'img_path': str(path),
                'ori_shape': (SIZE, SIZE),
                'img_shape': (SIZE, SIZE),
                'scale_factor': (1.0, 1.0),
            }
        )
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor([[x, 4.0, x + 8, 12]]), labels=torch.zeros(1, dtype=torch.long)
        )
        return {'inputs': torch.from_numpy(image.transpose(2, 0, 1)) / 255, 'data_samples': sample}


@MODELS.register_module()
class ToyDetector(BaseModel):
    """A linear map from the pixels to the box."""

    def __init__(
        self,
        width: int = 8,
        norm_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
        test_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.conv = nn.Conv2d(3, width, 3, 2, 1)
        self.norm = nn.BatchNorm2d(width)
        self.box = nn.Linear(width * SIZE * SIZE // 4, 4)
        self.norm_cfg, self.test_cfg = norm_cfg, test_cfg

    def forward(self, inputs: torch.Tensor | list, data_samples: list, mode: str = 'tensor'):
        inputs = torch.stack(list(inputs))
        boxes = self.box(self.norm(self.conv(inputs)).relu().flatten(1))
        if mode == 'loss':
            target = torch.cat([sample.gt_instances.bboxes for sample in data_samples])
            loss = (boxes.float() / SIZE - target / SIZE).abs().mean()
            return {'loss_box': loss, 'loss_size': boxes.float().square().mean() * 1e-6}
        boxes = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:].abs() + 1], 1)
        for sample, box in zip(data_samples, boxes, strict=True):
            sample.pred_instances = InstanceData(
                bboxes=box[None].float(),
                labels=torch.zeros(1, dtype=torch.long),
                scores=torch.ones(1),
            )
        return data_samples


@METRICS.register_module()
class ToyMetric(BaseMetric):
    """Counts images and sums their numbers."""

    default_prefix = 'toy'

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        self.results.extend(sample['img_id'] for sample in data_samples)

    def compute_metrics(self, results: list[int]) -> dict[str, float]:
        # Floats: mmengine's log drops whole numbers.
        return {'images': float(len(results)), 'sum_of_ids': float(sum(results))}
