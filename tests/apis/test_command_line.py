# SPDX-License-Identifier: Apache-2.0
"""An error of the user is its message alone; every other error keeps its traceback."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from deepmark.apis.command_line import run_tool
from deepmark.atomic_write import atomic_write
from deepmark.datasets.problems import DatasetError
from deepmark.engine.errors import CheckpointError


def raiser(error: BaseException):
    def run() -> None:
        raise error

    return run


@pytest.fixture(autouse=True)
def _single_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('WORLD_SIZE', raising=False)
    monkeypatch.delenv('DEEPMARK_TRACEBACK', raising=False)


def test_success_is_zero_whatever_is_returned() -> None:
    assert run_tool(lambda: {'AP': 0.5}) == 0


def test_own_errors_are_their_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tool(raiser(CheckpointError('a.pth: cut short'))) == 1
    assert capsys.readouterr().err == 'error: a.pth: cut short\n'
    assert run_tool(raiser(CheckpointError())) == 1
    assert capsys.readouterr().err == 'error: CheckpointError\n'


def test_several_problems_keep_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    message = '2 problems:\n  1.json: no item\n  2.json: no item'
    assert run_tool(raiser(DatasetError(message))) == 1
    assert capsys.readouterr().err == f'error: {message}\n'


def test_missing_files_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tool(lambda: Path('/absent/file').read_text()) == 1
    assert capsys.readouterr().err.startswith('error: [Errno 2] No such file')


def test_the_rank_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('WORLD_SIZE', '2')
    monkeypatch.setenv('RANK', '1')
    assert run_tool(raiser(CheckpointError('cut'))) == 1
    assert capsys.readouterr().err == '[rank 1] error: cut\n'


def test_a_worker_of_the_loader_is_cut_to_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        'Caught FileNotFoundError in DataLoader worker process 0.\nOriginal Traceback (most '
        'recent call last):\n  File "x.py"\nFileNotFoundError: 000001.jpg is not there\n'
    )
    assert run_tool(raiser(FileNotFoundError(text))) == 1
    assert capsys.readouterr().err == 'error: FileNotFoundError: 000001.jpg is not there\n'


def test_other_errors_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        run_tool(lambda: 1 // 0)
    monkeypatch.setenv('DEEPMARK_TRACEBACK', '1')
    with pytest.raises(CheckpointError):
        run_tool(raiser(CheckpointError('cut')))


def test_an_interrupt_has_its_exit_code() -> None:
    assert run_tool(raiser(KeyboardInterrupt())) == 130


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_full_disk_is_one_line_that_names_the_file(
    number: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> None:
        with atomic_write(tmp_path / 'report.json'):
            raise OSError(number, 'no room')  # as write() raises it, without a file

    assert run_tool(run) == 1
    error = capsys.readouterr().err
    assert error == f"error: [Errno {number}] no room: '{tmp_path / 'report.json'}'\n"
    assert list(tmp_path.iterdir()) == []


def test_other_system_errors_keep_their_traceback() -> None:
    with pytest.raises(OSError, match='hardware'):
        run_tool(raiser(OSError(errno.EIO, 'hardware')))
