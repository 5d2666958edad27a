# SPDX-License-Identifier: Apache-2.0
"""Why a process ended, from its log; and facts of the machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from mmengine.config import Config

from deepmark.comparison.identity import Identity, differences, plain_config, shown
from deepmark.comparison.machine import commit_of, this_machine
from deepmark.comparison.process import error_of, newest_progress
from deepmark.comparison.results import Budget

LOG = """some line
Traceback (most recent call last):
  File "a.py", line 1, in <module>
KeyError: 'inner'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 2, in <module>
    raise RunError(...)
deepmark.engine.errors.RunError: {here}/data is not there
"""


def test_the_last_error_without_paths_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = tmp_path / 'log.txt'
    log.write_text(LOG.format(here=tmp_path))
    assert error_of(log, 0, 1) == 'RunError: data is not there'
    monkeypatch.setenv('HOME', '/home/me')
    log.write_text(LOG.format(here='/home/me'))
    assert error_of(log, 0, 1) == 'RunError: ~/data is not there'


def test_only_the_own_part_of_the_log_counts(tmp_path: Path) -> None:
    log = tmp_path / 'log.txt'
    log.write_text('ValueError: of an earlier run\nlast words\n')
    assert error_of(log, len('ValueError: of an earlier run\n'), 3) == 'last words'
    assert error_of(log, log.stat().st_size, 3) == 'exit code 3'
    assert error_of(log, 0, -11) == 'killed by SIGSEGV'


def test_the_newest_whole_line(tmp_path: Path) -> None:
    path = tmp_path / 'p'
    assert newest_progress(path) is None
    path.write_text('{"stage":"test","step":1,"steps":3}\n{"stage":"te')
    line = newest_progress(path)
    assert line is not None
    assert (line.stage, line.step) == ('test', 1)


def test_machine() -> None:
    machine = this_machine()
    assert machine.cores >= 1
    assert machine.processor
    assert {'torch', 'mmcv', 'mmengine', 'mmdet', 'mmpose', 'deepmark'} == set(machine.packages)


def test_commit(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None
    git = ['git', '-C', str(tmp_path), '-c', 'user.name=a', '-c', 'user.email=a@b.c']
    subprocess.run([*git, 'init', '-q'], check=True)
    subprocess.run([*git, 'commit', '-q', '--allow-empty', '-m', 'x'], check=True)
    commit = commit_of(tmp_path)
    assert commit is not None
    assert len(commit) == 40
    (tmp_path / 'new').touch()
    assert commit_of(tmp_path) == f'{commit}+'


def identity(config: dict, epochs: int = 1) -> Identity:
    content = plain_config(Config(config))
    return Identity(content, None, Budget(epochs=epochs), 1, {'name': 'data'}, False)


def test_differences_of_two_identities() -> None:
    old = identity({'model': {'sizes': (1, 2), 'gone': 1}, 'work_dir': 'a'})
    assert differences(old, identity({'model': {'sizes': [1, 2], 'gone': 1}})) == []
    new = identity({'model': {'sizes': (1, 3), 'new': None}}, epochs=2)
    assert differences(old, new) == [
        'config.model.sizes.1', 'config.model.gone', 'budget.epochs', 'config.model.new'
    ]  # fmt: skip
    assert shown(list('abcdefg')) == 'a, b, c, d, e and 2 more'
