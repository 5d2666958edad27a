# SPDX-License-Identifier: Apache-2.0
"""Operations counted by hand, and the published size of Hourglass-104."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

from deepmark.analysis import config_complexity, model_complexity
from deepmark.analysis.complexity import input_size_of
from deepmark.engine import RunError
from deepmark.registry import MODELS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


@MODELS.register_module(force=True)
class OneLayerOfEachKind(BaseModel):
    """A convolution of stride 2, norm, ReLU, and a deformable convolution in two groups."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.weight = nn.Parameter(torch.zeros(6, width // 2, 1, 1))

    def forward(self, inputs: Tensor, data_samples: None, mode: str) -> Tensor:
        with torch.autocast(inputs.device.type, enabled=False):
            x = self.norm(self.conv(inputs)).relu()
            offset = x.new_zeros(len(x), 2, *x.shape[2:])
            return deform_conv2d(x, offset, self.weight)


def test_a_multiply_add_counts_twice_and_deformable_convolution_counts() -> None:
    cfg = {'type': 'deepmark.OneLayerOfEachKind', 'width': 4}
    parameters, flops, size = model_complexity(cfg, (16, 10))
    assert size == (16, 10)
    # conv 4 * 3 * 9, norm 2 * 4, deformable 6 * 2 in two groups of two channels.
    assert parameters == 108 + 8 + 12
    # On 8 x 5 cells: 108 multiply-adds, then 12; norm and ReLU are not counted.
    assert flops == 2 * 40 * 108 + 2 * 40 * 12
    assert cfg == {'type': 'deepmark.OneLayerOfEachKind', 'width': 4}


def test_hourglass_104_has_the_size_of_the_original() -> None:
    cfg = Config.fromfile(CONFIGS / 'deepmark_hg104_8xb37.py')
    before = copy.deepcopy(cfg.model.to_dict())
    parameters, flops, size = config_complexity(cfg)
    assert round(parameters / 1e6, 1) == 195.2
    assert round(flops / 1e9) == 715
    assert size == (512, 512)
    assert cfg.model.to_dict() == before
    # A quarter of the cells; the channels do the same work on each.
    assert config_complexity(cfg, (256, 256)).flops * 4 == flops


def test_the_size_comes_from_the_test_pipeline_first() -> None:
    train = {'dataset': {'dataset': {'pipeline': [{'type': 'A', 'input_size': (512, 256)}]}}}
    nested = {'type': 'B', 'transforms': [[{'type': 'C', 'input_size': [128, 64]}]]}
    test = {'dataset': {'pipeline': [{'type': 'Load'}, nested]}}
    cfg = Config({'train_dataloader': train, 'test_dataloader': test})
    assert input_size_of(cfg) == (128, 64)
    cfg.test_dataloader.dataset.pipeline = [{'type': 'C', 'input_size': None}]
    assert input_size_of(cfg) == (512, 256)


def test_what_a_config_lacks_is_named() -> None:
    with pytest.raises(RunError, match='no transform of the pipelines has an input_size'):
        input_size_of(Config({'test_dataloader': None}))
    with pytest.raises(RunError, match='the config has no model'):
        config_complexity(Config({}))
