# SPDX-License-Identifier: Apache-2.0
"""Every leaf config: it builds, trains one step and predicts; and it is what its file says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.optim import MultiStepLR
from mmengine.registry import PARAM_SCHEDULERS, init_default_scope
from mmengine.structures import InstanceData

from deepmark.registry import MODELS
from deepmark.schema import DEEPFASHION2

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
LEAVES = sorted(path.name for path in CONFIGS.glob('*.py'))
# The same network with few channels, so that a step takes a second.
NARROW = {
    'HourglassNet': {
        'backbone.stage_channels': (8, 8, 8, 8, 8, 8),
        'backbone.stage_blocks': (1, 1, 1, 1, 1, 1),
        'backbone.feat_channel': 8,
        'bbox_head.in_channels': 8,
        'bbox_head.feat_channels': 8,
    }
}


def load(name: str) -> Config:
    init_default_scope('mmdet')
    return Config.fromfile(CONFIGS / name)


def sample(size_wh: tuple[int, int]) -> DetDataSample:
    width, height = size_wh
    result = DetDataSample(
        metainfo={'inverse_warp_matrix': np.eye(2, 3), 'img_shape': (height, width)}
    )
    keypoints = torch.rand(1, DEEPFASHION2.max_keypoints, 2) * width / 2 + width / 4
    result.gt_instances = InstanceData(
        bboxes=torch.tensor([[width / 8, height / 8, width / 2, height / 1.5]]),
        labels=torch.tensor([10]),
        keypoints=keypoints,
        keypoints_visible=torch.ones(1, DEEPFASHION2.max_keypoints),
    )
    return result


@pytest.mark.parametrize('name', LEAVES)
def test_one_training_and_one_test_step(name: str) -> None:
    cfg = load(name)
    narrow = NARROW.get(cfg.model.backbone.type, {})
    cfg.merge_from_dict({f'model.{key}': value for key, value in narrow.items()})
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    data: dict[str, Any] = {
        'inputs': [torch.randint(0, 255, (3, 128, 256), dtype=torch.uint8) for _ in range(2)],
        'data_samples': [sample((256, 128)) for _ in range(2)],
    }
    losses = model(**model.data_preprocessor(data, True), mode='loss')
    total, _ = model.parse_losses(losses)
    total.backward()
    trained = [p for p in model.parameters() if p.requires_grad]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in trained)
    model.eval()
    results = model.test_step(data)
    assert [len(result.pred_instances) for result in results] == [100, 100]
    assert results[0].pred_instances.keypoints.shape == (100, DEEPFASHION2.max_keypoints, 2)


@pytest.mark.parametrize('name', LEAVES)
def test_docstrings_say_what_a_leaf_is(name: str) -> None:
    docstring = ' '.join((CONFIGS / name).read_text().split('"""')[1].split())
    assert re.search(r'(No|[Tt]he|A) row of the paper', docstring)
    assert re.search(r'not measured|[Mm]easured.*AP', docstring)
    assert re.search(r'tools/\w+\.(sh|py) |make ', docstring), 'the command is missing'


class TestHourglass:
    def test_size_of_the_original(self) -> None:
        cfg = load('deepmark_hg104_8xb37.py')
        with torch.device('meta'):
            model = MODELS.build(cfg.model)
        parameters = sum(p.numel() for p in model.parameters())
        # CenterNet's Hourglass-104 with DeepMark's heads has 195.2 million.
        assert round(parameters / 1e6, 1) == 195.2

    def test_batch_and_precision(self) -> None:
        cfg = load('deepmark_hg104_8xb37.py')
        assert cfg.train_dataloader.batch_size == 37
        assert cfg.auto_scale_lr.base_batch_size == 37
        assert not cfg.auto_scale_lr.enable
        assert cfg.optim_wrapper.dtype == 'bfloat16'
        assert cfg.optim_wrapper.optimizer == {'type': 'Adam', 'lr': 3e-4}

    def test_learning_rate_over_the_63_epochs(self) -> None:
        cfg = load('deepmark_hg104_8xb37.py')
        assert cfg.train_cfg.max_epochs == 63
        weight = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.Adam([weight], lr=cfg.optim_wrapper.optimizer.lr)
        schedulers = [
            PARAM_SCHEDULERS.build({**scheduler, 'optimizer': optimizer})
            for scheduler in cfg.param_scheduler
        ]
        assert all(isinstance(scheduler, MultiStepLR) for scheduler in schedulers)
        rates = []
        for _ in range(63):
            rates.append(optimizer.param_groups[0]['lr'])
            optimizer.step()
            for scheduler in schedulers:
                scheduler.step()
        np.testing.assert_allclose(rates, [3e-4] * 50 + [3e-5] * 3 + [1e-5] * 10)

    @pytest.mark.slow
    def test_a_real_step_at_full_size(self) -> None:
        model = MODELS.build(load('deepmark_hg104_8xb37.py').model)
        image = torch.randint(0, 255, (3, 512, 512), dtype=torch.uint8)
        data = {'inputs': [image], 'data_samples': [sample((512, 512))]}
        with torch.autocast('cpu', dtype=torch.bfloat16):
            losses = model(**model.data_preprocessor(data, True), mode='loss')
            total, _ = model.parse_losses(losses)
        total.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
        model.eval()
        (result,) = model.test_step(data)
        assert len(result.pred_instances) == 100
