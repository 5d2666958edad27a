# SPDX-License-Identifier: Apache-2.0
"""A training without its start checkpoint says how to get it, before any weight is touched."""

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

from deepmark.engine import CheckpointError, StartCheckpointHook
from deepmark.engine.start_checkpoint_hook import require_start_checkpoint

HOOK = {'type': 'deepmark.StartCheckpointHook', 'source': 'ctdet_coco_dla_2x.pth'}
ADVICE = [
    'load_from: start.pth is not there; convert one: python '
    'tools/model_converters/centernet_to_deepmark.py ctdet_coco_dla_2x.pth start.pth '
    '--config net.py',
    'or train from scratch: --cfg-options load_from=None',
]


class Line(BaseModel):
    """y = w x, and whether its weights were initialised."""

    initialised = False

    def __init__(self) -> None:
        super().__init__()
        self.line = torch.nn.Linear(1, 1)

    def init_weights(self) -> None:
        self.initialised = True

    def forward(self, x: torch.Tensor, mode: str = 'tensor') -> dict[str, torch.Tensor]:
        return {'loss': self.line(x).square().mean()}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of the test, with mmengine's named singletons made anew."""
    monkeypatch.chdir(tmp_path)
    for registry in (DefaultScope, MessageHub, MMLogger, Visualizer):
        monkeypatch.setattr(registry, '_instance_dict', OrderedDict())


def loader() -> dict[str, Any]:
    return {
        'dataset': [{'x': torch.ones(1)}, {'x': torch.zeros(1)}],
        'batch_size': 2,
        'sampler': {'type': 'DefaultSampler', 'shuffle': False},
        'collate_fn': {'type': 'default_collate'},
    }


def make_runner(**settings: Any) -> Runner:
    Path('net.py').touch()
    return Runner(
        model=Line(),
        work_dir='w',
        train_dataloader=loader(),
        train_cfg={'by_epoch': True, 'max_epochs': 1},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        custom_hooks=[dict(HOOK)],
        cfg=Config({}, filename='net.py'),
        log_level='ERROR',
        **settings,
    )


def test_an_absent_start_stops_before_anything_is_loaded() -> None:
    runner = make_runner(load_from='start.pth')
    with pytest.raises(CheckpointError) as error:
        runner.train()
    assert str(error.value).splitlines() == ADVICE
    assert not runner.model.initialised
    assert not runner._has_loaded


@pytest.mark.parametrize('load_from', ['start.pth', None])
def test_a_present_start_and_none_train(load_from: str | None) -> None:
    weights = {'line.weight': torch.full((1, 1), 3.0), 'line.bias': torch.zeros(1)}
    torch.save(weights, 'start.pth')
    runner = make_runner(load_from=load_from)
    runner.train()
    assert runner.iter == 1
    if load_from:
        # mean(w^2 x^2) over x = 1 and 0: the gradient is w = 3, the step 0.1 of it.
        assert runner.model.line.weight.item() == pytest.approx(3 - 0.3)


def test_resuming_is_not_its_business() -> None:
    # Its own error, of what the user asked for, without advice to convert something.
    runner = make_runner(load_from='start.pth', resume=True)
    with pytest.raises(CheckpointError, match=r'^start\.pth: there is no such checkpoint file$'):
        runner.train()


def test_testing_is_not_its_business() -> None:
    runner = make_runner(load_from='start.pth')
    runner.call_hook('before_run')  # as Runner.test does, with the training loop not built
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    with pytest.raises(CheckpointError, match='convert one'):
        runner.call_hook('before_run')


@pytest.mark.parametrize('name', ['https://host/a.pth', 'here.pth', '', None])
def test_other_names_pass(name: str | None) -> None:
    Path('here.pth').touch()
    Path('net.py').touch()
    cfg = Config({'custom_hooks': [HOOK], 'load_from': name}, filename='net.py')
    require_start_checkpoint(cfg)
    assert cfg.custom_hooks == [HOOK]


def test_the_config_names_the_source_and_spaces_are_quoted() -> None:
    cfg = Config({'start_checkpoint_source': 'ctdet_coco_hg.pth'})
    with pytest.raises(CheckpointError, match=r"ctdet_coco_hg\.pth 'a b\.pth' --config CONFIG\n"):
        StartCheckpointHook().require('a b.pth', cfg)
    with pytest.raises(CheckpointError, match=r'CENTERNET\.pth a\.pth'):
        StartCheckpointHook().require('a.pth', Config({}))


def test_a_config_without_the_hook_gets_no_advice() -> None:
    cfg = Config({'custom_hooks': [{'type': 'EMAHook'}], 'load_from': 'start.pth'})
    require_start_checkpoint(cfg)
    cfg.custom_hooks.append({**HOOK, 'priority': 'LOW'})
    with pytest.raises(CheckpointError, match='convert one'):
        require_start_checkpoint(cfg)
