# SPDX-License-Identifier: Apache-2.0
"""Two processes on the CPU: train, kill, resume, test."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import time
from pathlib import Path

import pytest

from deepmark.engine.checkpoint_file import load_checkpoint_file

from .toy_runs import ROOT, TOOLS, environment, run, write_config

PATIENCE_SECONDS = 120
NEEDS_LINUX = pytest.mark.skipif(
    not Path('/proc/self/cmdline').exists(), reason='needs Linux to see and end the processes'
)


def start_and_kill(command: list[object], work_dir: Path, cwd: Path) -> None:
    """Start a training, kill its launcher after the first checkpoint, see that all of it ends."""
    with (cwd / 'killed.log').open('w') as log:
        launcher = subprocess.Popen(
            [str(word) for word in command], cwd=ROOT, env=environment(), stdout=log, stderr=log
        )
    try:
        # mmengine writes the name of a checkpoint after the checkpoint.
        end = time.monotonic() + PATIENCE_SECONDS
        while not (work_dir / 'last_checkpoint').exists():
            assert launcher.poll() is None, (cwd / 'killed.log').read_text()[-2000:]
            assert time.monotonic() < end, f'{work_dir} got no checkpoint'
            time.sleep(0.05)
        launcher.send_signal(signal.SIGKILL)
        launcher.wait(PATIENCE_SECONDS)
        end = time.monotonic() + PATIENCE_SECONDS
        while processes_of(work_dir) and time.monotonic() < end:
            time.sleep(0.1)
        assert processes_of(work_dir) == []
    finally:
        launcher.kill()
        for process in processes_of(work_dir):
            os.kill(process, signal.SIGKILL)


def processes_of(work_dir: Path) -> list[int]:
    """The running processes that were given this work directory."""
    found = []
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            words = path.read_text().split('\0')
        except OSError:
            continue  # it has ended meanwhile
        if str(work_dir) in words:
            found.append(int(path.parent.name))
    return found


@NEEDS_LINUX
def test_train_kill_resume_and_test(tmp_path: Path) -> None:
    work_dir = tmp_path / 'w'
    slow = write_config(tmp_path, epochs=60, seconds=0.1)
    start_and_kill([TOOLS / 'dist_train.sh', slow, 2, '--work-dir', work_dir], work_dir, tmp_path)

    quick = write_config(tmp_path, epochs=3)
    resumed = run(
        TOOLS / 'dist_train.sh', quick, 2, '--work-dir', work_dir, '--resume', cwd=tmp_path
    )
    assert resumed.returncode == 0, resumed.stderr
    assert 'resumed epoch: ' in resumed.stdout
    assert 'resumed epoch: 0' not in resumed.stdout
    # 8 images, 2 processes of 2 images: 2 iterations an epoch.
    meta = load_checkpoint_file(work_dir / 'epoch_3.pth')['meta']
    assert (meta['epoch'], meta['iter']) == (3, 6)

    tested = run(
        TOOLS / 'dist_test.sh',
        quick,
        work_dir / 'epoch_3.pth',
        2,
        '--work-dir',
        work_dir,
        '--out',
        'a.pkl',
        '--show-dir',
        'shown',
        '--cfg-options',
        'visualizer.type=deepmark.LandmarkVisualizer',
        cwd=tmp_path,
    )
    assert tested.returncode == 0, tested.stderr
    # 5 images on 2 processes: one is computed twice and counted once.
    metrics = json.loads(sorted(work_dir.glob('*/2*.json'))[-1].read_text())
    assert (metrics['toy/images'], metrics['toy/sum_of_ids']) == (5, 0 + 1 + 2 + 3 + 4)
    shown = sorted(path.name for path in work_dir.glob('*/shown/*'))
    assert shown == [f'{index}.png' for index in range(5)]  # each process paints its share
    predictions = pickle.loads((tmp_path / 'a.pkl').read_bytes())
    assert [prediction['img_id'] for prediction in predictions] == [0, 1, 2, 3, 4]
