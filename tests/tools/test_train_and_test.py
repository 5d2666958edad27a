# SPDX-License-Identifier: Apache-2.0
"""tools/train.py and tools/test.py on a toy detector, and mmdet's own tools on the same config."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import mmdet
import numpy as np
import pytest
import torch

from deepmark.engine.checkpoint_file import load_checkpoint_file

from .conftest import RunScript
from .toy_runs import TOOLS

MMDET_TOOLS = Path(mmdet.__file__).parent / '.mim' / 'tools'


def last_log(work_dir: Path) -> dict:
    """The metrics that the last test of a work directory wrote."""
    return json.loads(sorted(work_dir.glob('*/2*.json'))[-1].read_text())


def test_train_resume_and_test(
    toy: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    work_dir = toy.parent / 'work_dirs' / 'toy'
    one_epoch = ('--cfg-options', 'train_cfg.max_epochs=1')
    assert run_script(TOOLS / 'train.py', toy, '--auto-scale-lr', *one_epoch) == 0
    assert (work_dir / 'last_checkpoint').read_text().endswith('epoch_1.pth')
    assert run_script(TOOLS / 'train.py', toy, '--resume', '--amp') == 0
    resumed = load_checkpoint_file(work_dir / 'epoch_2.pth')
    assert (resumed['meta']['epoch'], resumed['meta']['iter']) == (2, 8)
    assert 'deepmark.AutocastOptimWrapper' in resumed['meta']['cfg']
    # 2 images a step where the learning rate is meant for 4.
    assert resumed['optimizer']['param_groups'][0]['lr'] == pytest.approx(1e-3 / 2)
    curves = sorted(work_dir.glob('*/vis_data/train_curves.csv'))[-1].read_text().splitlines()
    assert [line.split(',')[0] for line in curves] == ['iter', *map(str, range(1, 9))]
    assert len(list(work_dir.glob('*/vis_data/curves.png'))) == 2

    arguments = (toy, work_dir / 'epoch_2.pth', '--out', 'new/a.pkl', '--show-dir', 'shown')
    assert run_script(TOOLS / 'test.py', *arguments) == 0
    assert last_log(work_dir)['toy/images'] == 5
    with Path('new/a.pkl').open('rb') as file:
        predictions = pickle.load(file)
    assert [prediction['img_id'] for prediction in predictions] == [0, 1, 2, 3, 4]
    assert np.asarray(predictions[0]['pred_instances']['bboxes']).shape == (1, 4)
    assert sorted(path.name for path in work_dir.glob('*/shown/*')) == [
        f'{index}.png' for index in range(5)
    ]
    assert capsys.readouterr().err == ''


def test_mmdet_tools_run_the_same_config(toy: Path, run_script: RunScript) -> None:
    assert run_script(MMDET_TOOLS / 'train.py', toy, '--work-dir', 'w') == 0
    assert (
        run_script(
            MMDET_TOOLS / 'test.py', toy, 'w/epoch_2.pth', '--work-dir', 'w', '--out', 'a.pkl'
        )
        == 0
    )
    assert last_log(Path('w'))['toy/images'] == 5
    assert len(list(Path('w').glob('*/vis_data/curves.png'))) == 1


@pytest.mark.parametrize(
    ('tool', 'arguments', 'message'),
    [
        ('train', ['absent.py'], 'error: absent.py: there is no such config file'),
        ('train', ['toy.py', '--resume', 'absent.pth'], 'error: --resume: absent.pth: there is no'),
        ('train', ['toy.py', '--resume'], 'error: --resume: work_dirs/toy holds no earlier run'),
        (
            'train',
            ['toy.py', '--work-dir', 'toy.py/w'],
            'error: the work directory toy.py/w cannot',
        ),
        (
            'train',
            ['toy.py', '--cfg-options', 'train_dataloader.dataset.data_root=absent'],
            'error: train_dataloader.dataset.data_root: absent does not exist',
        ),
        ('test', ['toy.py', 'absent.pth'], 'error: checkpoint: absent.pth: there is no such'),
        ('test', ['toy.py', 'toy.py', '--out', 'a.txt'], 'error: --out a.txt: the name must end'),
        ('test', ['toy.py', 'toy.py', '--tta'], 'error: --tta: the config has none of'),
        ('test', ['toy.py', 'toy.py'], 'error: toy.py: is no checkpoint but a text'),
    ],
)
def test_errors_of_the_user_are_one_line(
    toy: Path,
    run_script: RunScript,
    capsys: pytest.CaptureFixture[str],
    tool: str,
    arguments: list[str],
    message: str,
) -> None:
    assert run_script(TOOLS / f'{tool}.py', *arguments) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if 'error' in line]
    assert len(lines) == 1
    assert lines[0].startswith(message)


def test_a_checkpoint_of_another_model_is_refused(
    toy: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({'state_dict': {'conv.weight': torch.zeros(4, 3, 3, 3)}}, 'other.pth')
    assert run_script(TOOLS / 'test.py', toy, 'other.pth') == 1
    error = capsys.readouterr().err
    assert 'error: other.pth does not fit the model ToyDetector: 0 of 8 weights fit' in error
    assert '(conv.weight: checkpoint (4, 3, 3, 3), model (8, 3, 3, 3))' in error
    assert run_script(TOOLS / 'train.py', toy, '--cfg-options', 'load_from=other.pth') == 1
    assert 'other.pth shares no weight with the model' in capsys.readouterr().err


def test_a_training_may_start_from_a_part(toy: Path, run_script: RunScript) -> None:
    torch.save({'conv.weight': torch.zeros(8, 3, 3, 3)}, 'part.pth')
    assert run_script(TOOLS / 'train.py', toy, '--cfg-options', 'load_from=part.pth') == 0
    log = next(Path('work_dirs/toy').glob('*/*.log')).read_text()
    assert 'Start from part.pth: 1 of 8 weights fit' in log
