# SPDX-License-Identifier: Apache-2.0
"""The command line of the converter of annotations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from .conftest import RunScript
from .toy_runs import TOOLS

TOOL = TOOLS / 'dataset_converters' / 'deepfashion2.py'


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """One photo with a skirt."""
    for name in ('image', 'annos'):
        (tmp_path / 'train' / name).mkdir(parents=True)
    Image.new('RGB', (80, 70)).save(tmp_path / 'train' / 'image' / '000003.jpg')
    item = {
        'category_id': 9,
        'bounding_box': [10.1, 20.3, 50.7, 60.9],
        'landmarks': [12.34, 20, 1] * 8,
    }
    (tmp_path / 'train' / 'annos' / '000003.json').write_text(json.dumps({'item1': item}))
    return tmp_path / 'train'


def test_convert(
    split: Path, tmp_path: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'dense.json'
    assert run_script(TOOL, split, '--to', 'coco', '--out', out) == 0
    assert f'{out}: 1 images, 1 garments from the files' in capsys.readouterr().out
    (entry,) = json.loads(out.read_text())['annotations']
    assert (entry['bbox'], len(entry['keypoints'])) == ([10.1, 20.3, 40.6, 40.6], 882)
    assert run_script(TOOL, split, '--to', 'coco', '--out', out) == 1
    assert capsys.readouterr().err.endswith('give overwrite=True (--overwrite)\n')
    annos = tmp_path / 'annos'
    arguments = ('--to', 'native', '--out', annos, '--images', split / 'image')
    assert run_script(TOOL, out, *arguments) == 0
    item = json.loads((annos / '000003.json').read_text())['item1']
    assert item['bounding_box'] == [10.1, 20.3, 50.7, 60.9]
    assert item['landmarks'] == [12.34, 20, 1] * 8


def test_errors_are_one_line(
    split: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_script(TOOL, split, '--to', 'coco') == 1
    assert capsys.readouterr().err == 'error: coco needs a place to write to. Fix: give --out\n'
    assert run_script(TOOL, split, '--to', 'voc') == 2
    assert "invalid choice: 'voc'" in capsys.readouterr().err


def test_a_message_names_the_options_of_the_tool(
    split: Path, tmp_path: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'alone' / 'val.json'
    assert run_script(TOOL, split, '--to', 'coco', '--out', out) == 0
    native = ('--to', 'native', '--out', tmp_path / 'annos')
    assert run_script(TOOL, out, *native) == 1
    message = capsys.readouterr().err
    for option in ('--on-problem warn', '--images FOLDER', '--no-image-check'):
        assert option in message
    assert 'on_problem' not in message
    assert run_script(TOOL, out, *native, '--no-image-check') == 0
