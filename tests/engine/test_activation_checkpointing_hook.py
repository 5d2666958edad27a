# SPDX-License-Identifier: Apache-2.0
"""With the hook, checkpointing changes neither weights nor statistics, and misuse is an error."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.visualization import Visualizer
from torch import Tensor, nn

from deepmark.engine import RunError
from deepmark.engine.activation_checkpointing_hook import computations

HOOK = {'type': 'deepmark.ActivationCheckpointingHook'}
STEPS = 3

pytestmark = [
    pytest.mark.filterwarnings('ignore:torch.utils.checkpoint'),
    pytest.mark.filterwarnings('ignore:None of the inputs have requires_grad'),
]


def block() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU())


class TwoBlocks(BaseModel):
    """A stem, then two blocks in a row, the second inside a further module."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.blocks = nn.Sequential(block(), nn.Sequential(block()))

    def forward(self, x: Tensor, mode: str = 'tensor') -> dict[str, Tensor]:
        return {'loss': self.blocks(self.stem(x)).square().mean()}


class PartByPart(TwoBlocks):
    """The same, which never calls the container."""

    def forward(self, x: Tensor, mode: str = 'tensor') -> dict[str, Tensor]:
        x = self.stem(x)
        for part in self.blocks:
            x = part(x)
        return {'loss': x.square().mean()}


def train(
    folder: Path,
    checkpointed: list[str] | str | None,
    hooks: list[dict],
    frozen: tuple[str, ...] = (),
    network: type[TwoBlocks] = TwoBlocks,
) -> nn.Module:
    for registry in (DefaultScope, MessageHub, MMLogger, Visualizer):
        registry._instance_dict = OrderedDict()
    torch.manual_seed(0)
    model = network()
    for name in frozen:
        model.get_submodule(name).requires_grad_(False)
    runner: Any = Runner(
        model=model,
        work_dir=str(folder),
        train_dataloader={
            'dataset': [{'x': torch.rand(3, 9, 9) + step} for step in range(2 * STEPS)],
            'batch_size': 2,
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
            'collate_fn': {'type': 'default_collate'},
        },
        train_cfg={'by_epoch': True, 'max_epochs': 1},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        custom_hooks=[dict(hook) for hook in hooks],
        cfg=Config({'activation_checkpointing': checkpointed}),
        log_level='ERROR',
    )
    runner.train()
    return runner.model


def test_the_statistics_are_those_of_a_plain_training(tmp_path: Path) -> None:
    plain = train(tmp_path, None, [HOOK]).state_dict()
    # Nested: the second block is computed three times a step, the first one twice.
    both = train(tmp_path, ['blocks', 'blocks.1.0'], [HOOK])
    assert [norm.momentum for norm in (both.blocks[0][1], both.blocks[1][0][1])] == [0.1, 0.1]
    assert both.blocks[1][0][1].num_batches_tracked == 3 * STEPS
    for key, value in both.state_dict().items():
        if not key.endswith('num_batches_tracked'):
            torch.testing.assert_close(value, plain[key], rtol=1e-5, atol=1e-6, msg=key)


def test_one_name_may_come_without_a_list(tmp_path: Path) -> None:
    plain = train(tmp_path, None, [])
    one = train(tmp_path, 'blocks', [HOOK])
    torch.testing.assert_close(one.blocks[0][1].running_mean, plain.blocks[0][1].running_mean)


def test_without_the_hook_a_batch_counts_twice(tmp_path: Path) -> None:
    # When this fails, mmengine has mended it and the hook must go.
    plain = train(tmp_path, None, []).blocks[0][1]
    twice = train(tmp_path, ['blocks'], []).blocks[0][1]
    # running_var after STEPS batches holds 0.9^STEPS of its initial 1, or 0.9^(2 STEPS).
    assert twice.running_mean.abs().sum() > 1.3 * plain.running_mean.abs().sum()


@pytest.mark.parametrize('name', ['stem', 'blocks'])
def test_a_module_that_would_get_no_gradient_is_an_error(tmp_path: Path, name: str) -> None:
    message = rf'activation_checkpointing: {name} would get no gradient'
    with pytest.raises(RunError, match=message):
        train(tmp_path, [name], [HOOK], frozen=('stem',) if name == 'blocks' else ())


def test_a_frozen_module_may_be_listed(tmp_path: Path) -> None:
    model = train(tmp_path, ['stem'], [HOOK], frozen=('stem',))
    assert not model.stem._forward_pre_hooks


def test_computations_of_nested_names() -> None:
    model = TwoBlocks()
    counts = computations(model, ['blocks', 'blocks.1', 'blocks.1.0'])
    assert counts == {model.blocks[0][1]: 2, model.blocks[1][0][1]: 4}
    assert computations(model, []) == {}


def test_a_container_that_is_never_called(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r'blocks: never called as a whole; list its parts'):
        train(tmp_path, ['blocks'], [HOOK], network=PartByPart)
    train(tmp_path, ['blocks.0', 'blocks.1'], [HOOK], network=PartByPart)
