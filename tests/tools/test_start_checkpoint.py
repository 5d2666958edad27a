# SPDX-License-Identifier: Apache-2.0
"""Our train.py and mmdet's own say how to get an absent start checkpoint."""

from __future__ import annotations

from pathlib import Path

import mmdet
import pytest
import torch

from deepmark.engine import CheckpointError, pretrained_start

from .conftest import RunScript
from .toy_runs import TOOLS, write_config

MMDET_TRAIN = Path(mmdet.__file__).parent / '.mim' / 'tools' / 'train.py'
SETTINGS = """
load_from = 'start.pth'
start_checkpoint_source = 'ctdet_coco_hg.pth'
custom_hooks = [dict(type='deepmark.StartCheckpointHook')]
"""
ADVICE = [
    'load_from: start.pth is not there; convert one: python '
    'tools/model_converters/centernet_to_deepmark.py ctdet_coco_hg.pth start.pth --config toy.py',
    'or train from scratch: --cfg-options load_from=None',
]


@pytest.fixture
def toy_with_start(toy: Path) -> str:
    return write_config(toy.parent, epochs=1, extra=SETTINGS).name


def test_ours_stops_before_the_data_set(
    toy_with_start: str, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    absent_data = 'train_dataloader.dataset.data_root=absent'
    assert run_script(TOOLS / 'train.py', toy_with_start, '--cfg-options', absent_data) == 1
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [f'error: {ADVICE[0]}', ADVICE[1]]
    assert not Path('work_dirs').exists()


def test_upstream_stops_with_the_same_lines(toy_with_start: str, run_script: RunScript) -> None:
    with pytest.raises(CheckpointError) as error:
        run_script(MMDET_TRAIN, toy_with_start)
    assert str(error.value).splitlines() == ADVICE


@pytest.mark.parametrize('tool', [TOOLS / 'train.py', MMDET_TRAIN])
def test_without_and_with_the_file_both_train(
    toy_with_start: str, run_script: RunScript, tool: Path
) -> None:
    scratch = ('--work-dir', 'scratch', '--cfg-options', 'load_from=None')
    assert run_script(tool, toy_with_start, *scratch) == 0
    trained = torch.load('scratch/epoch_1.pth', weights_only=False)['state_dict']
    torch.save({key: torch.zeros_like(value) for key, value in trained.items()}, 'start.pth')
    frozen = ('--work-dir', 'w', '--cfg-options', 'optim_wrapper.optimizer.lr=0')
    assert run_script(tool, toy_with_start, *frozen) == 0
    weights = torch.load('w/epoch_1.pth', weights_only=False)['state_dict']
    assert weights['conv.weight'].abs().sum() == 0
    assert trained['conv.weight'].abs().sum() > 0


def test_ours_resumes_without_the_file(toy_with_start: str, run_script: RunScript) -> None:
    scratch = ('--cfg-options', 'load_from=None')
    assert run_script(TOOLS / 'train.py', toy_with_start, *scratch) == 0
    longer = ('--cfg-options', 'train_cfg.max_epochs=2')
    assert run_script(TOOLS / 'train.py', toy_with_start, '--resume', *longer) == 0
    assert Path('work_dirs/toy/epoch_2.pth').is_file()


def test_ours_stops_when_remote_weights_cannot_be_had(
    toy: Path,
    run_script: RunScript,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = 'https://host.invalid/start.pth'
    config = write_config(toy.parent, epochs=1, extra=f'load_from = {url!r}\n').name
    monkeypatch.setattr(pretrained_start, 'answers', lambda url, seconds: False)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: 'hub')
    assert run_script(TOOLS / 'train.py', config) == 1
    assert capsys.readouterr().err.splitlines() == [
        f'error: {url}: the start weights cannot be reached and are not in the cache; download',
        f'    {url}',
        'to hub/checkpoints/start.pth',
        'or train without start weights: --from-scratch (see docs/baselines.md)',
    ]
    assert not list(Path('work_dirs').rglob('*.pth'))
    assert run_script(TOOLS / 'train.py', config, '--from-scratch') == 0
    assert Path('work_dirs/toy/epoch_1.pth').is_file()
