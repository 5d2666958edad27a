# SPDX-License-Identifier: Apache-2.0
"""A folder with configs that are read and never built, and a worker that only pretends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deepmark.comparison import process
from deepmark.comparison.display import Display
from deepmark.comparison.plan import CompareOptions
from deepmark.comparison.runs import run_comparison

CONFIG = """'''A config that is read only.

More of it.
'''
model = dict(type='Nothing')
train_dataloader = dict(batch_size=2, dataset=dict(data_root='elsewhere/tree'))
test_dataloader = dict(batch_size=1, dataset=dict(data_root='elsewhere/tree'))
test_evaluator = dict(type='deepmark.DeepFashion2Metric', ann_file='elsewhere/tree/val/annos')
test_cfg = dict(type='TestLoop')
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=3, val_interval=2)
"""

Compare = Callable[..., int]
WriteConfig = Callable[..., str]


@pytest.fixture
def write_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteConfig:
    """Write a config and give its path; the test's folder, with data/, becomes the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data' / 'train' / 'image').mkdir(parents=True)

    def write(name: str, extra: str = '') -> str:
        Path(f'{name}.py').write_text(CONFIG + extra)
        return f'{name}.py'

    return write


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch, write_config: WriteConfig) -> Iterator[Compare]:
    """Run a comparison with pretended runs; gives the exit code."""
    worker = (sys.executable, str(Path(__file__).with_name('fake_worker.py')))
    monkeypatch.setattr(process, 'WORKER', worker)
    monkeypatch.setattr(process, 'POLL_SECONDS', 0.02)
    # A shell starts what runs in the background with Ctrl-C switched off.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr('deepmark.comparison.report.write_report', lambda results, out: [])

    def run(*items: str, **options: object) -> int:
        settings = {'data': 'data', 'seeds': 1, 'out': Path('out'), **options}
        return run_comparison(CompareOptions(items=items, **settings), Display())

    yield run
    signal.signal(signal.SIGINT, former)
