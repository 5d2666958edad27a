# SPDX-License-Identifier: Apache-2.0
"""The commands about configs, as a user starts them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import RunScript
from .toy_runs import ROOT, TOOLS

HOURGLASS = ROOT / 'configs' / 'deepmark_hg104_8xb37.py'
LEAF = f'''"""A leaf.

Row: none: a test.
Paper: -
Measured: not measured.

    make test
"""
_base_ = {str(HOURGLASS)!r}
'''

NARROW = (
    'model.backbone.stage_channels=[8,8,8,8,8,8]',
    'model.backbone.stage_blocks=[1,1,1,1,1,1]',
    'model.backbone.feat_channel=8',
    'model.bbox_head.in_channels=8',
    'model.bbox_head.feat_channels=8',
)


def test_get_flops(run_script: RunScript, capsys: pytest.CaptureFixture[str]) -> None:
    tool = TOOLS / 'analysis_tools' / 'get_flops.py'
    narrow = ('--cfg-options', 'model.bbox_head.feat_channels=64')
    assert run_script(tool, HOURGLASS) == 0
    out = capsys.readouterr().out
    assert 'input       512 x 512\nparameters  195.2 M (195244426)\n' in out
    assert '715.1 GFLOPs (715100520448), a multiply-add counted twice' in out
    assert run_script(tool, HOURGLASS, '--shape', 256, 128, *narrow) == 0
    assert 'input       256 x 128\nparameters  189.' in capsys.readouterr().out
    assert run_script(tool, 'absent.py') == 1
    assert 'error: absent.py: there is no such config file' in capsys.readouterr().err


def test_print_family(
    tmp_path: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    tool, leaf, out = (
        TOOLS / 'print_family.py',
        tmp_path / 'deepmark_x.py',
        tmp_path / 'family.json',
    )
    leaf.write_text(LEAF)
    assert run_script(tool, leaf) == 0
    assert 'none: a test.' in capsys.readouterr().out
    assert run_script(tool, leaf, '--format', 'json', '--out', out) == 0
    (row,) = json.loads(out.read_text())
    assert row['config'] == 'deepmark_x'
    assert run_script(tool, leaf, '--format', 'markdown', '--out', out) == 1
    assert 'family.json exists already' in capsys.readouterr().err
    assert run_script(tool, leaf, '--format', 'markdown', '--out', out, '--overwrite') == 0
    assert out.read_text().splitlines()[2] == '| deepmark_x | none: a test. | - | not measured. |'
    leaf.write_text(LEAF.replace('Paper: -\n', ''))
    assert run_script(tool, leaf) == 1
    assert 'deepmark_x.py: the label "Paper:" is missing' in capsys.readouterr().err


@pytest.mark.skipif(not Path('/proc/self/status').exists(), reason='memory is read from Linux')
@pytest.mark.filterwarnings('ignore:torch.utils.checkpoint')
@pytest.mark.filterwarnings('ignore:None of the inputs have requires_grad')
def test_measure_memory(run_script: RunScript, capsys: pytest.CaptureFixture[str]) -> None:
    tool = TOOLS / 'analysis_tools' / 'measure_memory.py'
    names = 'activation_checkpointing=[backbone.stem.1]'
    options = ('--shape', 256, 256, '--cfg-options', *NARROW)
    assert run_script(tool, HOURGLASS, '--activation-checkpointing', *options, names) == 0
    lines = dict(
        line.rsplit('  ', 1) for line in capsys.readouterr().out.splitlines() if '  ' in line
    )
    figures = {key.strip(): value.strip() for key, value in lines.items()}
    assert figures['precision'] == 'bfloat16'
    assert figures['checkpointing'] == 'on'
    assert figures['peak'].endswith(' MB')
    switched = ('--no-activation-checkpointing', '--amp', 'float32', *options, names)
    assert run_script(tool, HOURGLASS, *switched) == 0
    out = capsys.readouterr().out
    assert 'precision       float32\ncheckpointing   off\nbefore the step ' in out
    assert run_script(tool, HOURGLASS, '--activation-checkpointing') == 1
    assert (
        'error: --activation-checkpointing: the config names no modules' in capsys.readouterr().err
    )
