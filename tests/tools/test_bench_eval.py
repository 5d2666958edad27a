# SPDX-License-Identifier: Apache-2.0
"""tools/bench_eval.py on a few images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import RunScript
from .toy_runs import TOOLS

TOOL = TOOLS / 'bench_eval.py'


def test_numbers_are_printed_and_replace_the_earlier_file(
    run_script: RunScript, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'bench' / 'eval.json'
    out.parent.mkdir()
    out.write_text('{"old": 1}')
    assert run_script(TOOL, '--scale', '0.001', '--out', out) == 0
    measured = json.loads(out.read_text())
    assert all(isinstance(value, (int, float)) for value in measured.values())
    assert 'old' not in measured
    assert measured['eval_val_scale_images'] == 32
    assert measured['eval_tenth_images'] == 3
    assert measured['eval_max_difference'] <= 1e-12
    assert measured['eval_ratio_vs_pycocotools'] == pytest.approx(
        measured['eval_pycocotools_seconds_tenth'] / measured['eval_ours_seconds_tenth']
    )
    assert measured['eval_val_scale_seconds'] > measured['eval_val_scale_slices_seconds'] > 0
    assert 50 < measured['eval_val_scale_megabytes'] < 4000
    assert [path.name for path in out.parent.iterdir()] == ['eval.json']
    assert 'times as fast as pycocotools' in ' '.join(capsys.readouterr().out.split())


@pytest.mark.parametrize('scale', ['0', '-1', 'nan', 'inf'])
def test_a_scale_that_is_none_is_refused(run_script: RunScript, scale: str) -> None:
    assert run_script(TOOL, '--scale', scale) == 2
