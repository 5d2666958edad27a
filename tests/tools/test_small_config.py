# SPDX-License-Identifier: Apache-2.0
"""The small configuration on drawn garments with every tool: two processes, kill, resume, test."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import mmdet
import numpy as np
import pytest

from deepmark.engine.checkpoint_file import load_checkpoint_file

from .test_two_processes import NEEDS_LINUX, start_and_kill
from .toy_runs import ROOT, TOOLS, run

CONFIG = 'configs/deepmark_garments_small.py'
MMDET_TOOLS = Path(mmdet.__file__).parent / '.mim' / 'tools'
NUM_TRAIN, NUM_VAL = 24, 5
TIMEOUT_SECONDS = 600

pytestmark = pytest.mark.slow


def options(data: Path, **changes: object) -> list[str]:
    """Give --cfg-options for a quick run on this data set."""
    changed: dict[str, object] = {
        'default_hooks.logger.interval': 1,
        'train_cfg.val_interval': 1,
        **changes,
    }
    for loader in ('train', 'val', 'test'):
        changed[f'{loader}_dataloader.num_workers'] = 0
        changed[f'{loader}_dataloader.persistent_workers'] = False
        changed[f'{loader}_dataloader.batch_size'] = 2
        changed[f'{loader}_dataloader.dataset.data_root'] = data
    return ['--cfg-options', *(f'{key}={value}' for key, value in changed.items())]


def run_here(*command: object) -> subprocess.CompletedProcess[str]:
    """Run from the repository's root, as a user does."""
    result = run(*command, cwd=ROOT, timeout=TIMEOUT_SECONDS)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
    return result


def last_metrics(work_dir: Path) -> dict[str, float]:
    """Read what the last test wrote."""
    logged = json.loads(sorted(work_dir.glob('*/2*.json'))[-1].read_text())
    return {key: value for key, value in logged.items() if key.startswith('deepfashion2/')}


@pytest.fixture(scope='module')
def garments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('garments') / 'data'
    run_here(
        sys.executable,
        TOOLS / 'make_garments.py',
        '--out',
        folder,
        '--train',
        NUM_TRAIN,
        '--val',
        NUM_VAL,
        '--size',
        192,
        '--workers',
        2,
    )
    return folder


@NEEDS_LINUX
def test_two_processes_train_die_resume_and_test(garments: Path, tmp_path: Path) -> None:
    work_dir = tmp_path / 'w'
    train = [TOOLS / 'dist_train.sh', CONFIG, '2', '--work-dir', work_dir]
    endless = options(garments, **{'train_cfg.max_epochs': 1000})
    start_and_kill([*train, *endless], work_dir, tmp_path)
    done = load_checkpoint_file(work_dir / 'epoch_1.pth')['meta']['iter']
    assert done == NUM_TRAIN // (2 * 2)

    resumed = run_here(*train, '--resume', *options(garments, **{'train_cfg.max_epochs': 4}))
    assert 'resumed epoch: ' in resumed.stdout
    assert 'resumed epoch: 0' not in resumed.stdout
    checkpoint = work_dir / 'epoch_4.pth'
    assert load_checkpoint_file(checkpoint)['meta']['iter'] == 4 * done
    curves = sorted(work_dir.glob('*/vis_data/train_curves.csv'))[-1].read_text().splitlines()
    assert [line.split(',')[0] for line in curves[1:]] == [str(i + 1) for i in range(4 * done)]

    # The same numbers from two ranks with uneven shares and from one process.
    run_here(
        TOOLS / 'dist_test.sh',
        CONFIG,
        checkpoint,
        2,
        '--work-dir',
        tmp_path / 'two',
        '--out',
        tmp_path / 'two.pkl',
        *options(garments),
    )
    run_here(
        sys.executable,
        TOOLS / 'test.py',
        CONFIG,
        checkpoint,
        '--work-dir',
        tmp_path / 'one',
        '--out',
        tmp_path / 'one.pkl',
        '--show-dir',
        'shown',
        *options(garments),
    )
    two, one = (pickle.loads((tmp_path / name).read_bytes()) for name in ('two.pkl', 'one.pkl'))
    assert [sample['img_id'] for sample in two] == [sample['img_id'] for sample in one]
    assert len(one) == NUM_VAL
    for left, right in zip(two, one, strict=True):
        np.testing.assert_allclose(
            left['pred_instances']['keypoints'], right['pred_instances']['keypoints'], atol=1e-2
        )
    metrics = last_metrics(tmp_path / 'one')
    assert {'deepfashion2/bbox_AP', 'deepfashion2/keypoints_AP'} <= metrics.keys()
    assert last_metrics(tmp_path / 'two') == pytest.approx(metrics, abs=1e-6)
    assert len(list((tmp_path / 'one').glob('*/shown/*.jpg'))) == NUM_VAL


def test_mmdet_tools_run_it_unmodified(garments: Path, tmp_path: Path) -> None:
    run_here(
        sys.executable,
        MMDET_TOOLS / 'train.py',
        CONFIG,
        '--work-dir',
        tmp_path / 'w',
        *options(garments, **{'train_cfg.max_epochs': 1}),
    )
    run_here(
        sys.executable,
        MMDET_TOOLS / 'test.py',
        CONFIG,
        tmp_path / 'w' / 'epoch_1.pth',
        '--work-dir',
        tmp_path / 'w',
        *options(garments),
    )
    assert 'deepfashion2/keypoints_AP' in last_metrics(tmp_path / 'w')
    assert len(list((tmp_path / 'w').glob('*/vis_data/curves.png'))) == 1


def test_a_checkpoint_of_another_architecture_is_named(garments: Path, tmp_path: Path) -> None:
    import torch

    torch.save(
        {'state_dict': {'backbone.conv1.weight': torch.zeros(64, 3, 7, 7)}}, tmp_path / 'resnet.pth'
    )
    result = run(
        sys.executable,
        TOOLS / 'test.py',
        CONFIG,
        tmp_path / 'resnet.pth',
        '--work-dir',
        tmp_path / 'w',
        *options(garments),
        cwd=ROOT,
        timeout=TIMEOUT_SECONDS,
    )
    assert result.returncode == 1
    error = result.stderr.splitlines()[-1]
    assert error.startswith('error: ')
    assert 'resnet.pth does not fit the model DeepMark: 0 of ' in error
    assert '1 unknown to the model (backbone.conv1.weight)' in error
