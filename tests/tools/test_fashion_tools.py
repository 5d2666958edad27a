# SPDX-License-Identifier: Apache-2.0
"""Drawn garments in FLD's layout, converted, trained and tested by our tools and by mmpose's."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import mmpose
import numpy as np
import pytest

from .conftest import RunScript
from .toy_runs import ROOT, TOOLS, run

MAKE = TOOLS / 'make_fashion_landmarks.py'
CONVERT = TOOLS / 'dataset_converters' / 'fashion_landmarks.py'
CONFIG = 'configs/dafe/garments_fld_small.py'
MMPOSE_TOOLS = Path(mmpose.__file__).parent / '.mim' / 'tools'
DRAWING = ('--train', 8, '--test', 4, '--size', 64, '--difficulty', 'easy', '--workers', 1)


@pytest.fixture
def drawn(tmp_path: Path, run_script: RunScript) -> Path:
    folder = tmp_path / 'fld'
    assert run_script(MAKE, '--out', folder, *DRAWING) == 0
    return folder


def test_drawn_lists_are_converted_there_and_back(
    drawn: Path, tmp_path: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    coco = tmp_path / 'coco'
    assert run_script(CONVERT, 'to-coco', drawn, coco) == 0
    files = sorted(path.name for path in coco.iterdir())
    assert files == ['fld_all_test.json', 'fld_all_train.json']
    assert [line.split('/')[-1] for line in capsys.readouterr().out.splitlines()[-2:]] == [
        'fld_all_train.json',
        'fld_all_test.json',
    ]
    sources = ('--train', coco / files[1], '--test', coco / files[0])
    assert run_script(CONVERT, 'to-lists', tmp_path / 'again', *sources) == 0
    for name in ('Anno/list_bbox.txt', 'Anno/list_landmarks.txt', 'Eval/list_eval_partition.txt'):
        assert (tmp_path / 'again' / name).read_text() == (drawn / name).read_text()


def test_nothing_is_replaced_unasked(
    drawn: Path, tmp_path: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_script(MAKE, '--out', drawn, *DRAWING) == 1
    assert '--overwrite' in capsys.readouterr().err
    assert run_script(CONVERT, 'to-coco', drawn, tmp_path / 'coco') == 0
    assert run_script(CONVERT, 'to-coco', drawn, tmp_path / 'coco') == 1
    assert '--overwrite' in capsys.readouterr().err
    assert run_script(CONVERT, 'to-coco', drawn, tmp_path / 'coco', '--overwrite') == 0


def test_bad_lists_end_with_file_line_and_fix(
    drawn: Path, tmp_path: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    path = drawn / 'Anno/list_landmarks.txt'
    lines = path.read_text().splitlines()
    lines[4] = lines[4].replace(lines[4].split()[0] + ' ', lines[4].split()[0] + ' 4 ')
    path.write_text('\n'.join(lines))
    assert run_script(CONVERT, 'to-coco', drawn, tmp_path / 'coco') == 1
    error = capsys.readouterr().err
    assert f'{path}: line 5: unknown clothes type (4). Fix: use 1 upper body' in error
    assert 'Traceback' not in error


@pytest.mark.slow
@pytest.mark.parametrize('tools', [TOOLS, MMPOSE_TOOLS], ids=['ours', 'mmpose'])
def test_train_and_test(tools: Path, tmp_path: Path) -> None:
    data, work_dir = tmp_path / 'fld', tmp_path / 'w'
    assert run(sys.executable, MAKE, '--out', data, *DRAWING, cwd=ROOT).returncode == 0
    options = ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1']
    options += ['default_hooks.checkpoint.interval=1']
    for loader in ('train', 'val', 'test'):
        options += [
            f'{loader}_dataloader.num_workers=0',
            f'{loader}_dataloader.persistent_workers=False',
            f'{loader}_dataloader.batch_size=4',
            f'{loader}_dataloader.dataset.data_root={data}',
        ]
    train = [tools / 'train.py', CONFIG, '--work-dir', work_dir]
    test = [tools / 'test.py', CONFIG, work_dir / 'epoch_1.pth', '--work-dir', work_dir / 't']
    for command in (train, [*test, '--show-dir', 'p']):
        result = run(sys.executable, *command, '--cfg-options', *options, cwd=ROOT, timeout=300)
        assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
    figures = json.loads(next((work_dir / 't').glob('*/2*.json')).read_text())
    assert np.isfinite(figures['fashion/NE'])
    assert len(list(work_dir.glob('t/*/p/img_*.jpg'))) == 4
