# SPDX-License-Identifier: Apache-2.0
"""The command line of the checkpoint converter, on a backbone in the layout of timm."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from deepmark.engine.checkpoint_file import load_checkpoint_file
from deepmark.models.backbones import DLANet

from .conftest import RunScript
from .toy_runs import TOOLS

TOOL = TOOLS / 'model_converters' / 'centernet_to_deepmark.py'
CHANNELS = (2, 2, 4, 4, 4, 6)
CONFIG = f"""
default_scope = 'mmdet'
model = dict(
    type='deepmark.DeepMark',
    backbone=dict(type='deepmark.DLANet', channels={CHANNELS}),
    neck=dict(type='deepmark.DLAUp', in_channels={CHANNELS[2:]}),
    bbox_head=dict(type='deepmark.CenterNetKeypointHead', in_channels=4, feat_channels=4),
)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds ``dla34.pth`` and a narrow config."""
    classifier = {'fc.weight': torch.ones(1000, 6, 1, 1), 'fc.bias': torch.ones(1000)}
    torch.save({**DLANet(channels=CHANNELS).state_dict(), **classifier}, tmp_path / 'dla34.pth')
    (tmp_path / 'narrow.py').write_text(CONFIG)
    return tmp_path


def test_convert(folder: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = folder / 'dla34.pth', folder / 'new' / 'start.pth'
    arguments = (source, target, '--config', folder / 'narrow.py')
    assert run_script(TOOL, *arguments) == 0
    assert '  level0.0.weight -> backbone.level0.0.weight\n' in capsys.readouterr().out
    weights = load_checkpoint_file(source)
    result = load_checkpoint_file(target)['state_dict']
    assert result.keys() == {f'backbone.{key}' for key in weights if key[:3] != 'fc.'}
    assert all(torch.equal(value, weights[key[9:]]) for key, value in result.items())
    assert run_script(TOOL, *arguments) == 1
    assert capsys.readouterr().err.endswith('give overwrite=True (--overwrite)\n')
    assert run_script(TOOL, *arguments, '--overwrite') == 0


def test_the_error_gives_the_options_that_fit(
    folder: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (folder / 'dla34.pth', folder / 'start.pth', '--config', folder / 'narrow.py')
    wide = ('--cfg-options', 'model.backbone.channels=(4,4,4,4,4,6)')
    assert run_script(TOOL, *arguments, *wide) == 1
    message = capsys.readouterr().err
    assert message.count('\nTraceback') == 0
    option = f"'model.backbone.channels={CHANNELS}'".replace(' ', '')
    assert f'  {option}\n' in message
    assert not (folder / 'start.pth').exists()
    assert run_script(TOOL, *arguments, '--cfg-options', option.strip("'")) == 0


def test_a_layout_that_is_not_known(
    tmp_path: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({'layer1.0.conv1.weight': torch.ones(4, 3, 1, 1)}, tmp_path / 'resnet.pth')
    assert run_script(TOOL, tmp_path / 'resnet.pth', tmp_path / 'new.pth') == 1
    assert 'layer1.0.conv1.weight (4, 3, 1, 1)' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('options', 'code', 'message'),
    [
        (['model.neck.dcn'], 2, '--cfg-options: expected KEY=VALUE ..., got model.neck.dcn '),
        (['a=[(1,2]'], 2, '--cfg-options: expected KEY=VALUE ..., got a=[(1,2] (Imbalanced'),
        (['model.backbone.stage_channel=3'], 1, 'the model cannot be built: TypeError: '),
    ],
)
def test_faulty_options_end_without_a_traceback(
    folder: Path,
    run_script: RunScript,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    message: str,
) -> None:
    arguments = (folder / 'dla34.pth', folder / 'start.pth', '--config', folder / 'narrow.py')
    assert run_script(TOOL, *arguments, '--cfg-options', *options) == code
    text = capsys.readouterr().err
    assert 'Traceback' not in text
    assert message in text
