# SPDX-License-Identifier: Apache-2.0
"""tools/eval_results.py from the command line; what it does is tested in tests/apis."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import RunScript
from .toy_runs import TOOLS

TOOL = TOOLS / 'eval_results.py'
BOX = {'image_id': 1, 'category_id': 9, 'bbox': [0, 0, 100, 50], 'keypoints': [1.5] * 24}
RESULT = {**BOX, 'score': 0.5, 'keypoints': [0] * 546 + [1.5] * 24 + [0] * 312}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path('gt.json').write_text(json.dumps({'images': [{'id': 1}], 'annotations': [BOX]}))
    Path('results.json').write_text(json.dumps([RESULT]))
    return tmp_path


@pytest.mark.usefixtures('files')
def test_the_figures_are_printed_and_written(
    run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ('gt.json', 'results.json', '--out', 'm.json', '--slots', 'own_slots')
    assert run_script(TOOL, *arguments, '--backend', 'pycocotools') == 0
    metrics = json.loads(Path('m.json').read_text())
    assert metrics['bbox']['AP'] == pytest.approx(1)
    assert metrics['settings']['slots'] == 'own_slots'
    assert metrics['settings']['backend'].startswith('pycocotools')
    printed = capsys.readouterr().out
    assert 'results.json: 1 images, 1 garments, 1 detections' in printed
    assert run_script(TOOL, *arguments) == 1
    assert 'error: m.json exists already' in capsys.readouterr().err
    assert run_script(TOOL, *arguments, '--overwrite') == 0


@pytest.mark.usefixtures('files')
def test_a_file_is_checked_without_truth(
    run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_script(TOOL, '--check-only', 'results.json') == 0
    assert 'results.json: valid; 1 results of 1 images' in capsys.readouterr().out
    assert run_script(TOOL, '--check-only', 'gt.json', 'results.json') == 0
    assert 'all of gt.json' in capsys.readouterr().out


@pytest.mark.usefixtures('files')
def test_errors_are_one_line(run_script: RunScript, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_script(TOOL, 'results.json', 'gt.json') == 1
    assert capsys.readouterr().err.startswith('error: results.json: a JSON list, as results are')
    Path('results.json').write_text(json.dumps([RESULT, {**RESULT, 'score': float('nan')}]))
    assert run_script(TOOL, 'gt.json', 'results.json') == 1
    error = capsys.readouterr().err
    assert error.startswith('error: results.json: [1].score: NaN is not a number. Fix: ')
    assert run_script(TOOL, 'gt.json', 'absent.json') == 1
    assert 'absent.json' in capsys.readouterr().err
    assert run_script(TOOL, 'results.json') == 2
    assert 'give two files, GT and RESULTS' in capsys.readouterr().err
