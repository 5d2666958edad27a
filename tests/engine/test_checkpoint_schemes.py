# SPDX-License-Identifier: Apache-2.0
"""Every way by which mmengine reads a checkpoint leads to the safe reader."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from mmengine.runner import CheckpointLoader, load_checkpoint
from torch import nn

from deepmark.engine import checkpoint_schemes
from deepmark.engine.errors import CheckpointError

from .test_checkpoint_file import Bomb


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Serve a state dict in the place of the network; lists what was asked for."""
    asked: list[str] = []

    def serve(url: str, path: str, *_: object, **__: object) -> None:
        asked.append(url)
        torch.save({'backbone.weight': torch.ones(2), 'head.weight': torch.zeros(1)}, path)

    monkeypatch.setattr(torch.hub, 'download_url_to_file', serve)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    return asked


def test_no_reader_of_mmengine_is_left() -> None:
    modules = {prefix: reader.__module__ for prefix, reader in CheckpointLoader._schemes.items()}
    assert len(modules) >= 11
    assert set(modules.values()) == {'deepmark.engine.checkpoint_schemes'}


def test_mmengine_refuses_a_bomb_now(tmp_path: Path) -> None:
    marker = tmp_path / 'executed'
    torch.save({'state_dict': {}, 'meta': Bomb(os.system, f'touch {marker}')}, tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match=r'\.system'):
        load_checkpoint(nn.Linear(1, 1), str(tmp_path / 'a.pth'), map_location='cpu')
    assert not marker.exists()


def test_a_url_is_fetched_once(downloads: list[str], tmp_path: Path) -> None:
    for _ in range(2):
        loaded = CheckpointLoader.load_checkpoint('https://host.invalid/a/net.pth?x=1', 'cpu')
        assert loaded['backbone.weight'].tolist() == [1, 1]
    assert downloads == ['https://host.invalid/a/net.pth?x=1']
    assert (tmp_path / 'hub' / 'checkpoints' / 'net.pth').is_file()


def test_a_failed_download_names_the_url(
    downloads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError('no route to host')

    monkeypatch.setattr(torch.hub, 'download_url_to_file', fail)
    with pytest.raises(CheckpointError, match=r'https://host\.invalid/net\.pth.*no route to host'):
        CheckpointLoader.load_checkpoint('https://host.invalid/net.pth', 'cpu')


def test_names_of_model_collections_become_urls(
    downloads: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    urls = {'net': 'https://host.invalid/net.pth'}
    for table in ('get_torchvision_models', 'get_external_models', 'get_mmcls_models'):
        monkeypatch.setattr(checkpoint_schemes.host, table, lambda: urls)
    assert 'head.weight' in CheckpointLoader.load_checkpoint('torchvision://net', 'cpu')
    assert 'head.weight' in CheckpointLoader.load_checkpoint('open-mmlab://net', 'cpu')
    loaded = CheckpointLoader.load_checkpoint('mmcls://net', 'cpu')
    assert list(loaded['state_dict']) == ['weight']
    with pytest.raises(CheckpointError, match='torchvision://other: no checkpoint of this name'):
        CheckpointLoader.load_checkpoint('torchvision://other', 'cpu')


@pytest.mark.parametrize('name', ['s3://bucket/a.pth', 'petrel://a.pth', 'pavi://a.pth'])
def test_object_stores_are_refused(name: str) -> None:
    with pytest.raises(CheckpointError, match='copy the file to a local folder'):
        CheckpointLoader.load_checkpoint(name, 'cpu')
