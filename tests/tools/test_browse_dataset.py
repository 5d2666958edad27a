# SPDX-License-Identifier: Apache-2.0
"""tools/analysis/browse_dataset.py as a user starts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepmark.datasets.garments import GarmentConfig, make_garments

from .conftest import RunScript
from .toy_runs import ROOT, TOOLS

TOOL = TOOLS / 'analysis' / 'browse_dataset.py'
CONFIG = ROOT / 'configs' / 'deepmark_garments_small.py'


def test_browse_dataset(
    tmp_path: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    make_garments(tmp_path, 'validation', 2, GarmentConfig(size=64), workers=0, progress=False)
    out = tmp_path / 'out'
    data = ('--cfg-options', f'val_dataloader.dataset.data_root={tmp_path}')
    arguments = (CONFIG, '--split', 'val', '--indices', 1, '--repeat', 2, '--cell', 96)
    assert run_script(TOOL, *arguments, '--original', '--out', out, *data) == 0
    assert f'{out}/sheet_01.png\n{out}/index.html\n' in capsys.readouterr().out
    assert (out / 'index.html').read_text().count('<figure>') == 4
    assert run_script(TOOL, *arguments, '--out', out, *data) == 1
    assert 'exists already' in capsys.readouterr().err
    assert run_script(TOOL, CONFIG, '--split', 'val', '--indices', 2, '--out', out, *data) == 1
    assert 'exists already' in capsys.readouterr().err
    elsewhere = ('--out', tmp_path / 'other', *data)
    assert run_script(TOOL, CONFIG, '--split', 'val', '--indices', 2, *elsewhere) == 1
    assert 'image 2: the data set has the images 0 .. 1' in capsys.readouterr().err
    assert not (tmp_path / 'other').exists()


def test_a_cell_has_a_size(run_script: RunScript, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_script(TOOL, CONFIG, '--cell', '-5') == 2
    assert '--cell: -5 is less than 1' in capsys.readouterr().err
