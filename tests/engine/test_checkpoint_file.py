# SPDX-License-Identifier: Apache-2.0
"""Checkpoints are read without executing them, and every failure names the file and the reason."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from deepmark.engine.checkpoint_file import is_complete, load_checkpoint_file
from deepmark.engine.errors import CheckpointError


class Bomb:
    """Runs a function with arguments when it is unpickled."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple:
        return self.call


class Harmless:
    """A class that no allow-list knows."""


def save(path: Path, **parts: object) -> Path:
    torch.save({'state_dict': OrderedDict(weight=torch.arange(3.0)), **parts}, path)
    return path


def test_everything_that_mmengine_saves_comes_back(tmp_path: Path) -> None:
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    history.update(6.0)
    path = save(
        tmp_path / 'a.pth',
        meta={'epoch': 1, 'iter': 2, 'dataset_meta': {'classes': ('a',), 'palette': [(1, 2, 3)]}},
        message_hub={'log_scalars': {'train/loss': history}, 'runtime_info': {'cut': slice(1, 2)}},
        numbers=[np.float32(0.5), np.float64(0.25), np.int64(3), np.uint8(4), np.bool_(True)],
        array=np.arange(3, dtype=np.float16),
    )
    loaded = load_checkpoint_file(path)
    assert loaded['state_dict']['weight'].tolist() == [0, 1, 2]
    assert loaded['message_hub']['log_scalars']['train/loss'].mean() == 3.0
    assert loaded['message_hub']['runtime_info']['cut'] == slice(1, 2)
    assert loaded['numbers'] == [0.5, 0.25, 3, 4, True]
    assert loaded['array'].tolist() == [0, 1, 2]


def test_methods_that_history_buffer_pickles_come_back(tmp_path: Path) -> None:
    path = save(tmp_path / 'a.pth', methods={'mean': HistoryBuffer.mean})
    assert load_checkpoint_file(path)['methods']['mean'] is HistoryBuffer.mean


def test_names_of_numpy_1_are_known(tmp_path: Path) -> None:
    path = save(tmp_path / 'new.pth', number=np.float64(0.25), array=np.arange(2))
    old = tmp_path / 'old.pth'
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(old, 'w') as target:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith('data.pkl'):
                assert b'numpy._core' in data or b'numpy.core' in data
                data = data.replace(b'numpy._core', b'numpy.core')
            target.writestr(name, data)
    loaded = load_checkpoint_file(old)
    assert loaded['number'] == 0.25
    assert loaded['array'].tolist() == [0, 1]


@pytest.mark.parametrize('protocol', [2, 4])
@pytest.mark.parametrize('archive', [True, False])
def test_a_command_is_refused_by_name_and_not_executed(
    tmp_path: Path, protocol: int, archive: bool
) -> None:
    marker = tmp_path / 'executed'
    path = tmp_path / 'bomb.pth'
    bomb = {'state_dict': {}, 'meta': Bomb(os.system, f'touch {marker}')}
    if archive:
        torch.save(bomb, path, pickle_protocol=protocol)
    else:
        path.write_bytes(pickle.dumps(bomb, protocol=protocol))
    with pytest.raises(CheckpointError, match=r'bomb\.pth: refused.*(posix|nt)\.system'):
        load_checkpoint_file(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    ('bomb', 'name'),
    [
        (Bomb(eval, '1 + 1'), 'builtins.eval'),
        (Bomb(getattr, HistoryBuffer, '__init__'), 'builtins.getattr'),
        (Bomb(getattr, torch.Tensor, 'numpy'), 'builtins.getattr'),
        (Harmless(), 'Harmless'),
    ],
)
def test_what_is_not_on_the_list_is_refused_by_name(
    tmp_path: Path, bomb: object, name: str
) -> None:
    path = save(tmp_path / 'a.pth', meta=bomb)
    with pytest.raises(CheckpointError, match=rf'refused.*{name}'):
        load_checkpoint_file(path)


def test_the_user_can_allow_a_class(tmp_path: Path) -> None:
    path = save(tmp_path / 'a.pth', meta=Harmless())
    with torch.serialization.safe_globals([Harmless]):
        assert isinstance(load_checkpoint_file(path)['meta'], Harmless)


@pytest.mark.parametrize('share', [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize('old_style', [True, False])
def test_a_truncated_file_is_named(tmp_path: Path, share: float, old_style: bool) -> None:
    path = tmp_path / 'cut.pth'
    weights = {'state_dict': {'weight': torch.zeros(1000)}}
    torch.save(weights, path, _use_new_zipfile_serialization=not old_style)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    reason = 'cannot be read' if old_style else 'truncated'
    with pytest.raises(CheckpointError, match=rf'cut\.pth: .*{reason}'):
        load_checkpoint_file(path)


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        (b'', 'is empty'),
        (b'<html>not found</html>', "is no checkpoint but a text, which starts with '<html>"),
        (b'\xef\xbb\xbf\r\n<!DOCTYPE html>\n<html>', "starts with '<!DOCTYPE html>':"),
        (b'version https://git-lfs.github.com/spec/v1\n', "starts with 'version https://git"),
        (b'   ', 'cannot be read as a checkpoint'),
        (b'\x80\x02}q\x00.', 'cannot be read as a checkpoint'),
    ],
)
def test_what_is_no_checkpoint_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / 'a.pth'
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=rf'a\.pth: .*{reason}'):
        load_checkpoint_file(path)


def test_other_values_and_missing_files_are_named(tmp_path: Path) -> None:
    torch.save(torch.zeros(2), tmp_path / 'tensor.pth')
    with pytest.raises(CheckpointError, match=r'tensor\.pth: holds a Tensor'):
        load_checkpoint_file(tmp_path / 'tensor.pth')
    with pytest.raises(CheckpointError, match=r'absent\.pth: there is no such'):
        load_checkpoint_file(tmp_path / 'absent.pth')


def test_a_checkpoint_is_complete_when_its_archive_ends(tmp_path: Path) -> None:
    path = save(tmp_path / 'a.pth')
    assert is_complete(path)
    path.write_bytes(path.read_bytes()[:-30])
    assert not is_complete(path)
    assert not is_complete(tmp_path / 'absent.pth')
