# SPDX-License-Identifier: Apache-2.0
"""``tools/compare.py`` as a user starts it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deepmark.comparison.results import Results, read_results

from .conftest import RunScript
from .toy_runs import TOOLS, environment, run

TOOL = TOOLS / 'compare.py'
RAISES = "train_dataloader['dataset']['seconds'] = 'no number'\n"


def results() -> Results:
    return read_results('cmp/results.json')


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['absent.py'], 'absent.py: there is no such config file'),
        (['toy.py', '--data', 'nowhere'], '--data nowhere: there is no such folder'),
        (['toy.py', '--seeds', '0'], '--seeds 0: must be at least 1'),
        (['toy.py', '--epochs', '1', '--budget-minutes', '1'], 'not allowed with'),
        ([], 'required: CONFIG'),
    ],
)
def test_bad_arguments(
    toy: Path,
    run_script: RunScript,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    assert run_script(TOOL, *arguments) == 2
    assert message in capsys.readouterr().err
    assert not Path('work_dirs').exists()


@pytest.mark.slow
def test_two_models_one_of_which_fails(toy: Path) -> None:
    good = toy.with_name('good.py')
    good.write_text(toy.read_text())
    bad = toy.with_name('bad.py')
    bad.write_text(toy.read_text() + RAISES)
    command = [sys.executable, TOOL, bad, good, '--epochs', 1, '--seeds', 1, '--data', 'data']
    done = run(*command, '--out', 'cmp', '--no-timing', cwd=toy.parent)
    assert done.returncode == 1, done.stderr
    failed, finished = results().models
    assert failed.runs[0].status == 'failed'
    assert (failed.runs[0].error or '').startswith('TypeError: ')
    assert finished.runs[0].figures == {'toy/images': 5.0, 'toy/sum_of_ids': 10.0}
    assert finished.runs[0].images_seen == 8
    for name in ('results.md', 'results.csv', 'bars.png', 'curves.png', 'speed_accuracy.png'):
        assert Path('cmp', name).stat().st_size > 0
    assert 'good' in done.stdout


@pytest.mark.slow
def test_goes_on_after_a_kill(toy: Path) -> None:
    """Eight epochs of about half a second; killed without a word after the second."""
    toy.write_text(toy.read_text() + "train_dataloader['dataset']['seconds'] = 0.06\n")
    command = [
        sys.executable, str(TOOL), 'toy.py', '--epochs', '8', '--seeds', '1', '--data', 'data',
        '--out', 'cmp', '--no-timing',
    ]  # fmt: skip
    folder = Path('cmp/toy/seed0')
    first = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL)
    while not (folder / 'epoch_3.pth').exists():
        assert first.poll() is None
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert results().models[0].runs[0].status == 'interrupted'
    assert not (folder / 'trained.json').exists()
    done = run(*command, cwd=toy.parent)
    assert done.returncode == 0, done.stderr
    assert results().models[0].runs[0].images_seen == 64
    assert 'Load checkpoint from' in (folder / 'log.txt').read_text()
