# SPDX-License-Identifier: Apache-2.0
"""Curves from mmengine's scalars: tolerant reading, joined runs, CSV and PNG."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest
from mmengine.logging import MMLogger
from mmengine.registry import HOOKS

from deepmark.engine.curves import choose_metrics, write_curves
from deepmark.engine.curves_hook import CurvesHook
from deepmark.engine.scalar_history import ScalarHistory, read_scalars, read_work_dir, to_csv

TRAIN = [
    {'lr': 0.1, 'loss': 4.0, 'time': 0.5, 'epoch': 1, 'iter': 10, 'step': 10},
    {'lr': 0.1, 'loss': 2.0, 'loss_box': 1.0, 'epoch': 2, 'iter': 20, 'step': 20},
]
VAL = {'deepfashion2/bbox_AP': 0.25, 'time': 0.1, 'step': 1}


def write_run(work_dir: Path, name: str, rows: list[dict], tail: str = '') -> Path:
    path = work_dir / name / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text(''.join(json.dumps(row) + '\n' for row in rows) + tail)
    return path


def test_validation_rows_get_the_iteration_before_them(tmp_path: Path) -> None:
    history = read_scalars(write_run(tmp_path, 'a', [TRAIN[0], VAL, TRAIN[1]]))
    assert history.train == TRAIN
    assert history.val == [{'iter': 10, **VAL}]


def test_half_lines_and_odd_values_are_left_out(tmp_path: Path) -> None:
    odd = {'iter': 30, 'loss': None, 'name': 'x', 'flag': True, 'loss_box': 0.5}
    path = write_run(tmp_path, 'a', [odd], tail='[1]\nnonsense\n{"iter": 40, "lo')
    assert read_scalars(path).train == [{'iter': 30, 'loss_box': 0.5}]


def test_a_resumed_run_continues_the_earlier_one(tmp_path: Path) -> None:
    def rows(*iters: int, loss: float) -> list[dict]:
        return [{'iter': i, 'loss': loss} for i in iters]

    write_run(tmp_path, '20260101_000000', [*rows(10, 20, 30, loss=9.0), {'AP': 0.9}])
    write_run(
        tmp_path,
        '20260102_000000',
        [*rows(10, loss=1.0), {'AP': 0.1}, *rows(20, 30, loss=1.0), {'AP': 0.3}],
    )
    write_run(tmp_path, '20260103_000000', rows(20, 30, loss=2.0))
    write_run(tmp_path, '20260104_000000', [{'AP': 0.7}])  # a validation alone
    write_run(tmp_path, '20260105_000000', rows(10, loss=5.0))  # a later one, not asked for
    joined = read_work_dir(tmp_path, until='20260104_000000')
    assert [(row['iter'], row['loss']) for row in joined.train] == [(10, 1.0), (20, 2.0), (30, 2.0)]
    assert joined.val == [{'iter': 10, 'AP': 0.1}]


def test_csv_has_positions_first_and_empty_cells() -> None:
    assert to_csv(TRAIN) == (
        'iter,epoch,step,lr,loss,time,loss_box\n10,1,10,0.1,4.0,0.5,\n20,2,20,0.1,2.0,,1.0\n'
    )


def test_png_and_csv_are_written_and_replaced(tmp_path: Path) -> None:
    names = ['curves.png', 'train_curves.csv', 'val_curves.csv']
    for val in ([], [{'iter': 10, **VAL}, {'iter': 20, 'deepfashion2/bbox_AP': float('nan')}]):
        written = write_curves(ScalarHistory(TRAIN, val), tmp_path)
    assert sorted(path.name for path in written) == names
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    picture = cv2.imread(str(tmp_path / 'curves.png'))
    # Panels: loss, metric, learning rate. A curve is drawn: there are coloured pixels.
    assert picture.shape[1] > 3 * picture.shape[0]
    assert (picture.max(axis=2) - picture.min(axis=2) > 50).sum() > 500


def test_many_metrics_are_cut_to_the_averages() -> None:
    few = {'iter': 1, 'time': 0.1, 'bbox_AP': 0.5, 'bbox_AP_small': -1, 'bbox_AR_1': 0.25}
    assert choose_metrics([few]) == ['bbox_AP', 'bbox_AR_1']
    many = {**few, 'bbox_AP50': -1, **{f'bbox_AR_{n}': 0.0 for n in range(20)}}
    assert choose_metrics([many]) == ['bbox_AP']
    assert choose_metrics([many, {'iter': 2, 'bbox_AP50': 0.75}]) == ['bbox_AP', 'bbox_AP50']
    assert choose_metrics([{'iter': 1, **{f'x{n}': 0.0 for n in range(20)}}]) == [
        f'x{n}' for n in range(9)
    ]


def test_nothing_logged_writes_nothing(tmp_path: Path) -> None:
    assert write_curves(ScalarHistory([], []), tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def runner(log_dir: Path) -> SimpleNamespace:
    return SimpleNamespace(
        log_dir=str(log_dir), _train_loop={}, logger=MMLogger.get_instance('curves')
    )


def test_the_hook_draws_at_the_end(tmp_path: Path) -> None:
    folder = write_run(tmp_path, '20260101_000000', [*TRAIN, VAL]).parent
    hook = HOOKS.build({'type': 'deepmark.CurvesHook'})
    assert isinstance(hook, CurvesHook)
    hook.after_val_epoch(runner(folder.parent))  # a validation without training
    assert not (folder / 'curves.png').exists()
    hook.after_train(runner(folder.parent))
    assert (folder / 'curves.png').stat().st_size > 1000
    assert (folder / 'val_curves.csv').read_text().splitlines()[1].startswith('20,1,0.25')


def test_no_scalars_and_no_disk_stop_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[str] = []
    run = runner(tmp_path / 'absent')
    monkeypatch.setattr(run.logger, 'warning', messages.append)
    CurvesHook().after_train(run)
    assert 'No curves' in messages[0]
    folder = write_run(tmp_path, '20260101_000000', TRAIN).parent
    run.log_dir = str(folder.parent)
    (folder / 'train_curves.csv').mkdir()  # cannot be replaced by a file
    CurvesHook().after_train(run)
    assert 'cannot be written' in messages[1]
