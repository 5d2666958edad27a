# SPDX-License-Identifier: Apache-2.0
"""From the switches of tools/train.py to the Runner's config."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from deepmark.apis.train import TrainOptions, make_training_config
from deepmark.engine.errors import RunError

CONFIG = """
model = dict(type='X')
optim_wrapper = dict(type='AmpOptimWrapper', loss_scale=512.0, optimizer=dict(type='SGD', lr=0.1))
auto_scale_lr = dict(enable=False, base_batch_size=37)
custom_hooks = [dict(type='EMAHook')]
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'net.py'
    path.write_text(CONFIG)
    return path


def test_without_switches_the_config_stays(config: Path) -> None:
    cfg = make_training_config(TrainOptions(config=str(config)))
    assert cfg.work_dir == 'work_dirs/net'
    assert cfg.launcher == 'none'
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    assert not cfg.auto_scale_lr.enable
    assert cfg.get('resume') is None
    assert [hook.type for hook in cfg.custom_hooks] == ['EMAHook', 'deepmark.CheckpointGuardHook']


def test_switches_over_options_over_config(config: Path) -> None:
    config.write_text(CONFIG + "work_dir = 'from_config'\n")
    assert make_training_config(TrainOptions(config=str(config))).work_dir == 'from_config'
    options = {'work_dir': 'from_options', 'optim_wrapper.optimizer.lr': 0.5}
    cfg = make_training_config(TrainOptions(config=str(config), cfg_options=options))
    assert cfg.work_dir == 'from_options'
    assert cfg.optim_wrapper.optimizer == {'type': 'SGD', 'lr': 0.5}
    cfg = make_training_config(
        TrainOptions(config=str(config), cfg_options=options, work_dir='from_switch')
    )
    assert cfg.work_dir == 'from_switch'


def test_the_guard_is_listed_once(config: Path) -> None:
    config.write_text(CONFIG + "custom_hooks = [dict(type='deepmark.CheckpointGuardHook')]\n")
    assert len(make_training_config(TrainOptions(config=str(config))).custom_hooks) == 1


def test_amp_takes_our_wrapper_and_keeps_the_rest(config: Path) -> None:
    wrapper = make_training_config(TrainOptions(config=str(config), amp=True)).optim_wrapper
    assert wrapper.type == 'deepmark.AutocastOptimWrapper'
    assert wrapper.dtype == 'bfloat16'
    assert wrapper.optimizer.lr == 0.1
    own = "optim_wrapper = dict(type='deepmark.AutocastOptimWrapper', dtype='float16')\n"
    config.write_text(CONFIG + own)
    wrapper = make_training_config(TrainOptions(config=str(config), amp=True)).optim_wrapper
    assert wrapper == {'type': 'deepmark.AutocastOptimWrapper', 'dtype': 'float16'}


@pytest.mark.parametrize('wrapper_type', ['deepmark.AutocastOptimWrapper', 'OptimWrapper'])
def test_amp_over_a_config_in_float32(config: Path, wrapper_type: str) -> None:
    config.write_text(CONFIG + f"optim_wrapper = dict(type='{wrapper_type}', dtype='float32')\n")
    wrapper = make_training_config(TrainOptions(config=str(config), amp=True)).optim_wrapper
    assert wrapper == {'type': 'deepmark.AutocastOptimWrapper', 'dtype': 'bfloat16'}


def test_amp_and_auto_scale_lr_need_their_part_of_the_config(config: Path) -> None:
    assert make_training_config(
        TrainOptions(config=str(config), auto_scale_lr=True)
    ).auto_scale_lr.enable
    config.write_text("model = dict(type='X')\n")
    with pytest.raises(RunError, match='--amp: the config has no optim_wrapper'):
        make_training_config(TrainOptions(config=str(config), amp=True))
    with pytest.raises(RunError, match=r'no auto_scale_lr\.base_batch_size'):
        make_training_config(TrainOptions(config=str(config), auto_scale_lr=True))
    config.write_text('x = 1\n')
    with pytest.raises(RunError, match='the config has no model'):
        make_training_config(TrainOptions(config=str(config)))


def test_resume_from_a_path_and_from_the_work_dir(config: Path) -> None:
    torch.save({}, 'a.pth')
    cfg = make_training_config(TrainOptions(config=str(config), resume='a.pth'))
    assert (cfg.resume, cfg.load_from) == (True, 'a.pth')
    with pytest.raises(RunError, match=r'--resume: b\.pth: there is no such'):
        make_training_config(TrainOptions(config=str(config), resume='b.pth'))
    with pytest.raises(RunError, match='work_dirs/net holds no earlier run'):
        make_training_config(TrainOptions(config=str(config), resume='auto'))
    log = Path('work_dirs/net/20260101_000000/20260101_000000.log')
    log.parent.mkdir(parents=True)
    log.touch()
    assert make_training_config(TrainOptions(config=str(config), resume='auto')).resume is False
    torch.save({}, 'work_dirs/net/epoch_3.pth')
    cfg = make_training_config(TrainOptions(config=str(config), resume='auto'))
    assert (cfg.resume, cfg.load_from) == (True, 'work_dirs/net/epoch_3.pth')


def test_a_missing_start_is_found_before_the_training(config: Path) -> None:
    options = TrainOptions(config=str(config), cfg_options={'load_from': 'start.pth'})
    with pytest.raises(RunError, match=r'load_from: start\.pth'):
        make_training_config(options)


PRETRAINED = """
model = dict(type='X', backbone=dict(
    frozen_stages=1, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')))
load_from = 'https://host.invalid/start.pth'
"""


def test_from_scratch_leaves_all_start_weights_out(config: Path) -> None:
    config.write_text(PRETRAINED)
    cfg = make_training_config(TrainOptions(config=str(config), from_scratch=True))
    assert cfg.load_from is None
    assert cfg.model.backbone == {'frozen_stages': -1}


def test_a_resumed_run_asks_for_no_start_weights(config: Path) -> None:
    config.write_text(PRETRAINED)
    torch.save({}, 'a.pth')
    cfg = make_training_config(TrainOptions(config=str(config), resume='a.pth'))
    assert cfg.load_from == 'a.pth'
    assert cfg.model.backbone == {'frozen_stages': 1}
    options = {'resume': True, 'load_from': None}  # mmengine looks for one, and may find none
    cfg = make_training_config(TrainOptions(config=str(config), cfg_options=options))
    assert cfg.model.backbone.init_cfg.type == 'Pretrained'
