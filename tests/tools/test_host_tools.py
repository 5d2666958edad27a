# SPDX-License-Identifier: Apache-2.0
"""The table of docs/host_tools.md is true: its commands, run on a short training, end as it says.

All in this process: a start of mmdet takes longer than most of the tools.
"""

from __future__ import annotations

import importlib.util
import re
import runpy
import shlex
import string
import sys
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import mmdet
import mmpose
import pytest
from mmdet.visualization import DetLocalVisualizer
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

from deepmark.datasets.garments import make_garments

from .toy_runs import ROOT, TOOLS

PAGE = ROOT / 'docs' / 'host_tools.md'
HOSTS = {
    'MMDET': str(Path(mmdet.__file__).parent / '.mim' / 'tools'),
    'MMPOSE': str(Path(mmpose.__file__).parent / '.mim' / 'tools'),
}
# tool -> what it must leave in $OUT, or print
WRITES = {
    'test': 'again.pkl',
    'analyze_logs, losses': 'loss.png',
    'analyze_results': 'results/good/*.jpg',
    'confusion_matrix': 'confusion_matrix.png',
    'browse_dataset': 'browse/*.jpg',
    'mmpose browse_dataset': 'pose/*.jpg',
    'mmpose browse_dataset, crops of testing': 'crops/*.jpg',
}
PRINTS = {
    'analyze_logs, time': 'average iter time: ',
    'eval_metric': "'deepfashion2/keypoints_AP': ",
    'get_flops': 'Input shape: (160, 160)',
    'print_config': "type='deepmark.CenterNetKeypointHead'",
    'mmpose get_flops': 'Input shape: (1, 3, 128, 96)',
}
CHANGES = """
loader = dict(num_workers=0, persistent_workers=False, batch_size=2)
loader['dataset'] = dict(data_root={data!r})
train_dataloader = val_dataloader = test_dataloader = loader
model = dict(backbone=dict(checkpoint=None))
default_hooks = dict(logger=dict(interval=1))
"""


class Row(NamedTuple):
    """A line of the table."""

    tool: str
    command: str
    result: str
    ours: str


def rows() -> list[Row]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith('| ')]
    return [Row(*(cell.strip() for cell in line.strip('|').split(' | '))) for line in lines[1:]]


class Prepared(NamedTuple):
    """What the commands name."""

    variables: dict[str, str]
    folder: Path


def run_script(words: list[str]) -> None:
    """Run ``python WORDS``; what it raises passes through."""
    with pytest.MonkeyPatch.context() as patch:
        # mmengine keeps loggers and the like by config name and second: two quick runs would share.
        for registry in (DefaultScope, DetLocalVisualizer, MessageHub, MMLogger, Visualizer):
            patch.setattr(registry, '_instance_dict', OrderedDict())
        patch.setenv('CUDA_VISIBLE_DEVICES', '-1')
        patch.setattr(sys, 'argv', words)
        try:
            runpy.run_path(words[0], run_name='__main__')
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f'exit code {end.code}') from end
        finally:
            plt.close('all')


@pytest.fixture(scope='module')
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Six drawn garments, two epochs, and the predictions of four images."""
    folder = tmp_path_factory.mktemp('host_tools')
    for split, number in (('train', 6), ('validation', 4)):
        make_garments(folder / 'data', split, number, workers=1, progress=False)
    data = str(folder / 'data')
    objects, top_down = folder / 'objects.py', folder / 'top_down.py'
    objects.write_text(
        f"_base_ = '{ROOT}/configs/deepmark_garments_small.py'\n"
        + CHANGES.format(data=data)
        + 'train_cfg = dict(max_epochs=2, val_interval=1)\n'
    )
    top_down.write_text(
        f"_base_ = '{ROOT}/configs/dafe/garments_topdown_none.py'\n" + CHANGES.format(data=data)
    )
    work_dir, pickle = folder / 'work', folder / 'predictions.pkl'
    weights = work_dir / 'epoch_2.pth'
    run_script([str(TOOLS / 'train.py'), str(objects), '--work-dir', str(work_dir)])
    (log,) = work_dir.glob('*/vis_data/scalars.json')
    test = [str(TOOLS / 'test.py'), str(objects), str(weights), '--out', str(pickle)]
    run_script([*test, '--work-dir', str(folder / 'tested')])
    paths = dict(CONFIG=objects, TOPDOWN=top_down, LOG=log, WEIGHTS=weights, PICKLE=pickle)
    return Prepared({**HOSTS, **{key: str(path) for key, path in paths.items()}}, folder)


def test_the_page_names_tools_that_are_there_and_results_that_are_checked() -> None:
    table = rows()
    assert len(table) > 10
    assert len({row.tool for row in table}) == len(table)
    for row in table:
        assert re.match(r'(works|boxes only)(:|$)|no: `[^`]+`; ', row.result), row
        host, path = row.command.strip('`').split()[0].split('/', 1)
        assert Path(HOSTS[host.removeprefix('$')], path).is_file()
        assert (row.tool in {**WRITES, **PRINTS}) is not row.result.startswith('no:')
        for path in re.findall(r'`(tools/[\w/]+\.py)', row.ours):
            assert (ROOT / path).is_file(), path
        assert row.ours != '-' or row.result.startswith('works')
    named = {row.tool.split(',')[0].removeprefix('mmpose ') for row in table}
    assert named >= {
        'analyze_logs',
        'analyze_results',
        'confusion_matrix',
        'eval_metric',
        'get_flops',
        'benchmark',
        'browse_dataset',
    }


@pytest.mark.slow
@pytest.mark.parametrize('row', rows(), ids=lambda row: row.tool.replace(' ', '_'))
def test_the_command_ends_as_the_page_says(
    row: Row,
    prepared: Prepared,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    missing = re.search(r'psutil|seaborn', row.result)
    if missing and importlib.util.find_spec(missing.group()):
        pytest.skip(f'{missing.group()} is installed here')
    monkeypatch.chdir(prepared.folder)
    command = string.Template(row.command.strip('`'))
    words = shlex.split(command.substitute(prepared.variables, OUT=str(tmp_path)))
    if row.result.startswith('no:'):
        reason = re.escape(row.result.split('`')[1])
        with pytest.raises(Exception, match=reason):
            run_script(words)
        return
    run_script(words)
    if row.tool in WRITES:
        assert list(tmp_path.glob(WRITES[row.tool]))
    else:
        assert PRINTS[row.tool] in capsys.readouterr().out
