# SPDX-License-Identifier: Apache-2.0
"""What can fail late is checked before the run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from deepmark.apis.preflight import (
    find_checkpoint_to_resume,
    require_checkpoint,
    require_config_file,
    require_data,
    require_writable,
)
from deepmark.engine.errors import RunError


def checkpoint(path: Path, *, whole: bool = True) -> Path:
    torch.save({'state_dict': {}}, path)
    if not whole:
        path.write_bytes(path.read_bytes()[:-40])
    return path


def test_a_missing_config_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r'absent\.py: there is no such config file'):
        require_config_file(tmp_path / 'absent.py')


def test_a_work_dir_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    require_writable(tmp_path / 'new' / 'deep')
    assert list((tmp_path / 'new' / 'deep').iterdir()) == []
    (tmp_path / 'file').touch()
    with pytest.raises(RunError, match=r'work directory .*file/a cannot be written.*--work-dir'):
        require_writable(tmp_path / 'file' / 'a')


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write everywhere')
def test_a_read_only_work_dir_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(RunError, match='cannot be written'):
        require_writable(tmp_path)


def test_missing_data_are_named_by_their_key(tmp_path: Path) -> None:
    dataset = {'type': 'X', 'data_root': str(tmp_path), 'ann_file': 'annos.json'}
    cfg = Config(
        {
            'val_dataloader': {
                'dataset': {'datasets': [{'dataset': {'data_root': str(tmp_path)}}, dataset]}
            }
        }
    )
    loaders = ('train_dataloader', 'val_dataloader')
    with pytest.raises(RunError, match=r'val_dataloader\.dataset\.datasets\.1\.ann_file: .*annos'):
        require_data(cfg, loaders)
    (tmp_path / 'annos.json').touch()
    require_data(cfg, loaders)
    cfg.val_dataloader.dataset.datasets[0].dataset.data_root = 'absent'
    with pytest.raises(RunError, match=r'--cfg-options val_dataloader\.dataset\.datasets\.0\.dat'):
        require_data(cfg, loaders)
    require_data(cfg, ('train_dataloader',))


@pytest.mark.parametrize(
    'remote',
    [
        {'data_root': 's3://bucket/x', 'ann_file': 'a.json'},
        {'data_root': 'data/x', 'backend_args': {'backend': 'petrel'}},
    ],
)
def test_remote_data_are_not_checked(remote: dict) -> None:
    require_data(Config({'train_dataloader': {'dataset': remote}}), ('train_dataloader',))
    local = {'data_root': 'absent', 'ann_file': 'a.json'}
    with pytest.raises(RunError, match='absent'):
        require_data(Config({'train_dataloader': {'dataset': local}}), ('train_dataloader',))


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    require_checkpoint('https://host.invalid/a.pth', 'load_from')
    require_checkpoint(checkpoint(tmp_path / 'a.pth'), 'load_from')
    with pytest.raises(RunError, match=r'load_from: .*b\.pth: there is no such'):
        require_checkpoint(tmp_path / 'b.pth', 'load_from')


def test_the_named_checkpoint_is_resumed(tmp_path: Path) -> None:
    for epoch in (1, 2):
        checkpoint(tmp_path / f'epoch_{epoch}.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_1.pth'))
    assert find_checkpoint_to_resume(tmp_path) == tmp_path / 'epoch_1.pth'


def test_a_moved_work_dir_can_be_resumed(tmp_path: Path) -> None:
    checkpoint(tmp_path / 'iter_5.pth')
    (tmp_path / 'last_checkpoint').write_text('/elsewhere/iter_5.pth')
    assert find_checkpoint_to_resume(tmp_path) == tmp_path / 'iter_5.pth'


def test_a_half_written_checkpoint_gives_way_to_the_newest_whole_one(tmp_path: Path) -> None:
    for epoch in (2, 9, 10):
        checkpoint(tmp_path / f'epoch_{epoch}.pth')
    checkpoint(tmp_path / 'epoch_11.pth', whole=False)
    checkpoint(tmp_path / 'best_AP_epoch_99.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_8.pth'))  # removed already
    assert find_checkpoint_to_resume(tmp_path) == tmp_path / 'epoch_10.pth'


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(RunError, match='holds no earlier run to resume'):
        find_checkpoint_to_resume(tmp_path / 'absent')
    (tmp_path / '20260101_000000').mkdir()
    (tmp_path / '20260101_000000' / '20260101_000000.log').touch()
    assert find_checkpoint_to_resume(tmp_path) is None  # stopped before its first checkpoint
    checkpoint(tmp_path / 'epoch_1.pth', whole=False)
    with pytest.raises(RunError, match=r'no checkpoint in .* is whole \(tried epoch_1\.pth\)'):
        find_checkpoint_to_resume(tmp_path)
