# SPDX-License-Identifier: Apache-2.0
"""tools/analysis/report.py as a user starts it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from .conftest import RunScript
from .toy_runs import TOOLS

TOOL = TOOLS / 'analysis' / 'report.py'
OUT_FILES = {'report.html', 'report.json', 'precision_recall.png', 'worst_images.png'}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Truth with two skirts without photos, and results that find one of them."""
    skirts = [
        {
            'id': n,
            'image_id': n,
            'category_id': 9,
            'bbox': [10, 10, 100, 50],
            'area': 5000,
            'iscrowd': 0,
            'keypoints': np.array([(20 + 10 * k, 30, 2) for k in range(8)]).ravel().tolist(),
        }
        for n in (1, 2)
    ]
    truth = {
        'images': [
            {'id': n, 'file_name': f'{n:06d}.jpg', 'width': 200, 'height': 100} for n in (1, 2)
        ],
        'annotations': skirts,
        'categories': [{'id': 9, 'name': 'skirt'}],
    }
    keys = ('image_id', 'category_id', 'bbox', 'keypoints')
    found = {**{key: skirts[0][key] for key in keys}, 'score': 0.9}
    (tmp_path / 'gt.json').write_text(json.dumps(truth))
    (tmp_path / 'results.json').write_text(json.dumps([found]))
    return tmp_path / 'gt.json', tmp_path / 'results.json'


def test_report(
    files: tuple[Path, Path], run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ('--slots', 'own_slots', '--backend', 'pycocotools', '--score-thr', 0.5)
    assert run_script(TOOL, *files, *options) == 0
    folder = files[1].parent / 'results_report'
    assert str(folder / 'report.html') in capsys.readouterr().out
    assert {entry.name for entry in folder.iterdir()} >= OUT_FILES
    numbers = json.loads((folder / 'report.json').read_text())
    assert numbers['slots'] == 'own_slots'
    assert numbers['backend'].startswith('pycocotools')
    assert numbers['slices'] is None
    assert numbers['figures']['bbox']['AR_100'] == 0.5
    page = (folder / 'report.html').read_text(encoding='utf-8')
    assert 'own_slots' in page
    assert 'The photos were not given (--images FOLDER)' in page
    assert 'The truth states no attributes' in page
    assert run_script(TOOL, *files) == 1
    assert 'results_report exists already. Fix: --overwrite' in capsys.readouterr().err


def test_bad_results_are_named_and_nothing_is_written(
    files: tuple[Path, Path], run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    (entry,) = json.loads(files[1].read_text())
    files[1].write_text(json.dumps([{**entry, 'image_id': 7}]))
    assert run_script(TOOL, *files) == 1
    error = capsys.readouterr().err
    assert f'error: {files[1]}: [0]: image_id 7' in error
    assert not (files[1].parent / 'results_report').exists()
