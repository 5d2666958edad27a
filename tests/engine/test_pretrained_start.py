# SPDX-License-Identifier: Apache-2.0
"""Start weights are taken out whole, and missing ones are found without the network."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from deepmark.engine import checkpoint_schemes
from deepmark.engine.errors import CheckpointError
from deepmark.engine.pretrained_start import (
    answers,
    forget_pretrained,
    require_reachable_starts,
    start_from_scratch,
    unreachable_starts,
)

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
RESNET = 'https://host.invalid/resnet50-0676ba61.pth'
RTMDET = 'https://other.invalid/cspnext.pth'


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Mmengine's tables know one network; the cache is empty. Gives the cache."""
    for table in ('get_torchvision_models', 'get_external_models', 'get_mmcls_models'):
        monkeypatch.setattr(checkpoint_schemes.host, table, lambda: {'net': RESNET})
    monkeypatch.setenv('MMENGINE_HOME', str(tmp_path / 'mmengine'))
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    cache = tmp_path / 'hub' / 'checkpoints'
    cache.mkdir(parents=True)
    return cache


def pretrained(checkpoint: str) -> dict[str, str]:
    return {'type': 'Pretrained', 'checkpoint': checkpoint}


def make_config(**changes: object) -> Config:
    backbone = {
        'type': 'ResNet',
        'frozen_stages': 1,
        'norm_eval': True,
        'norm_cfg': {'type': 'BN', 'requires_grad': False},
        'init_cfg': pretrained('torchvision://net'),
    }
    return Config({'model': {'type': 'X', 'backbone': backbone}, **changes})


def no_network(url: str, seconds: float) -> bool:
    return False


def test_from_scratch_takes_the_start_out_and_thaws() -> None:
    cfg = make_config(load_from='start.pth')
    changed = start_from_scratch(cfg)
    assert cfg.load_from is None
    assert cfg.model.backbone.to_dict() == {
        'type': 'ResNet',
        'frozen_stages': -1,
        'norm_eval': False,
        'norm_cfg': {'type': 'BN', 'requires_grad': True},
    }
    assert changed == [
        'load_from',
        'model.backbone.init_cfg',
        'model.backbone.frozen_stages',
        'model.backbone.norm_eval',
        'model.backbone.norm_cfg.requires_grad',
    ]
    assert start_from_scratch(cfg) == []


def test_from_scratch_finds_nested_and_listed_starts() -> None:
    xavier = {'type': 'Xavier', 'layer': 'Conv2d'}
    cfg = Config(
        {
            'model': {
                'init_cfg': xavier,
                'necks': [{'part': {'init_cfg': [xavier, pretrained('a.pth')]}}],
                'teacher': {'detector': {'init_cfg': pretrained('b.pth'), 'norm_eval': False}},
            }
        }
    )
    changed = start_from_scratch(cfg)
    assert changed == ['model.necks.0.part.init_cfg', 'model.teacher.detector.init_cfg']
    assert cfg.model.to_dict() == {
        'init_cfg': xavier,
        'necks': [{'part': {'init_cfg': [xavier]}}],
        'teacher': {'detector': {'norm_eval': False}},
    }


def test_from_scratch_takes_the_weights_of_a_package_too() -> None:
    backbone = {
        'type': 'deepmark.TimmBackbone',
        'checkpoint': 'package://some_package/net.pth',
        'frozen_modules': ('conv_stem',),
        'norm_eval': True,
    }
    cfg = Config({'model': {'backbone': backbone}})
    start_from_scratch(cfg)
    assert cfg.model.backbone.to_dict() == {
        'type': 'deepmark.TimmBackbone',
        'checkpoint': None,
        'frozen_modules': (),
        'norm_eval': False,
    }


def test_without_load_from_all_modules_learn() -> None:
    cfg = Config.fromfile(CONFIGS / 'deepmark_dla34_8xb5_frozen.py')
    assert cfg.model.frozen_modules
    assert start_from_scratch(cfg) == ['load_from', 'model.frozen_modules']
    assert cfg.model.frozen_modules == ()


def test_what_is_frozen_without_a_start_stays() -> None:
    cfg = Config({'model': {'backbone': {'frozen_stages': 1, 'norm_eval': True}}})
    before = cfg.to_dict()
    assert start_from_scratch(cfg) == []
    assert cfg.to_dict() == before


def test_resuming_needs_no_start_but_stays_frozen() -> None:
    cfg = make_config(load_from='epoch_3.pth')
    forget_pretrained(cfg)
    assert 'init_cfg' not in cfg.model.backbone
    assert cfg.model.backbone.frozen_stages == 1
    assert cfg.load_from == 'epoch_3.pth'


def test_only_remote_starts_are_asked_for_and_each_once() -> None:
    asked: list[str] = []

    def note(url: str, seconds: float) -> bool:
        asked.append(url)
        return url == RESNET

    cfg = make_config(load_from=RTMDET)
    cfg.model.again = {'init_cfg': pretrained(RTMDET)}
    cfg.model.local = {'init_cfg': pretrained('weights/a.pth')}
    assert unreachable_starts(cfg, is_reachable=note) == [RTMDET]
    assert sorted(asked) == [RESNET, RTMDET]


@pytest.mark.parametrize('scheme', ['torchvision', 'modelzoo', 'open-mmlab', 'openmmlab', 'mmcls'])
def test_names_of_collections_are_looked_up(scheme: str, tables: Path) -> None:
    cfg = make_config()
    cfg.model.backbone.init_cfg.checkpoint = f'{scheme}://net'
    assert unreachable_starts(cfg, is_reachable=no_network) == [f'{scheme}://net']
    (tables / 'resnet50-0676ba61.pth').touch()
    assert unreachable_starts(cfg, is_reachable=no_network) == []


def test_names_that_nobody_knows_and_stores_cannot_be_reached() -> None:
    cfg = make_config(load_from='s3://bucket/a.pth')
    cfg.model.backbone.init_cfg.checkpoint = 'torchvision://nte'
    names = ['s3://bucket/a.pth', 'torchvision://nte']
    assert unreachable_starts(cfg, is_reachable=lambda *_: True) == names
    with pytest.raises(CheckpointError) as error:
        require_reachable_starts(cfg)
    lines = str(error.value).splitlines()
    assert lines[0].startswith('s3://bucket/a.pth: this store is not read; copy the file')
    assert lines[1].startswith('torchvision://nte: no checkpoint of this name is known')


def test_the_message_names_the_file_the_place_and_the_switch(tables: Path) -> None:
    require_reachable_starts(make_config(), is_reachable=lambda *_: True)
    with pytest.raises(CheckpointError) as error:
        require_reachable_starts(make_config(), is_reachable=no_network)
    assert str(error.value).splitlines() == [
        'torchvision://net: the start weights cannot be reached and are not in the cache; download',
        f'    {RESNET}',
        f'to {tables / "resnet50-0676ba61.pth"}',
        'or train without start weights: --from-scratch (see docs/baselines.md)',
    ]


def test_servers_that_never_answer_do_not_add_up() -> None:
    def hang(url: str, seconds: float) -> bool:
        time.sleep(3)
        return True

    cfg = make_config(load_from=RTMDET)
    start = time.monotonic()
    assert unreachable_starts(cfg, timeout_seconds=0.1, is_reachable=hang) == [
        RTMDET,
        'torchvision://net',
    ]
    assert time.monotonic() - start < 1.5


class _Server(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(int(self.path.strip('/')))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on this machine that answers with the status in the path."""
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    http = HTTPServer(('127.0.0.1', 0), _Server)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{http.server_port}'
    http.shutdown()
    http.server_close()


@pytest.mark.parametrize(
    ('status', 'expected'),
    [(200, True), (403, True), (405, True), (404, False), (410, False), (502, False)],
)
def test_an_answer_counts_unless_the_file_is_gone(server: str, status: int, expected: bool) -> None:
    assert answers(f'{server}/{status}', 5) is expected


def test_no_answer_and_no_url_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    assert not answers('http://127.0.0.1:1/net.pth', 1)
    assert not answers('http://[/net.pth', 1)
