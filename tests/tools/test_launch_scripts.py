# SPDX-License-Identifier: Apache-2.0
"""The shell scripts: what they start, from any folder, with names that have spaces."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .toy_runs import TOOLS, run

# Stands in for python and for srun: writes its arguments, one a line.
RECORDER = """#!/usr/bin/env bash
if [[ $1 == -c ]]; then echo 4321; exit; fi
printf '%s\\n' "$0" "$@" "MASTER_PORT=${MASTER_PORT:-}" > "$RECORD"
"""


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    for name in ('python', 'srun'):
        path = tmp_path / 'bin' / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(RECORDER)
        path.chmod(0o755)
    return tmp_path / 'bin'


def recorded(script: str, *arguments: str, recorder: Path, **changes: str) -> list[str]:
    """Run a script from a foreign folder; gives what it would have started."""
    folder = recorder.parent
    changes = {'PYTHON': str(recorder / 'python'), 'RECORD': str(folder / 'record'), **changes}
    result = run(TOOLS / script, *arguments, cwd=folder, **changes)
    assert result.returncode == 0, result.stderr
    return (folder / 'record').read_text().splitlines()


def test_all_scripts_are_legible_and_executable() -> None:
    scripts = sorted(path.name for path in TOOLS.glob('*.sh'))
    assert scripts == [
        'dist_test.sh',
        'dist_train.sh',
        'launch_env.sh',
        'slurm_test.sh',
        'slurm_train.sh',
    ]
    for script in scripts:
        subprocess.run(['bash', '-n', TOOLS / script], check=True)
        assert (TOOLS / script).stat().st_mode & 0o111


@pytest.mark.skipif(shutil.which('shellcheck') is None, reason='shellcheck is not installed')
def test_shellcheck_finds_nothing() -> None:
    result = run('shellcheck', '-x', *sorted(TOOLS.glob('*.sh')), cwd=TOOLS.parent)
    assert result.stdout == ''


def test_training_on_one_machine(recorder: Path) -> None:
    lines = recorded(
        'dist_train.sh', 'my config.py', '2', '--cfg-options', 'a=[1, 2]', 'b=3', recorder=recorder
    )
    assert lines[1:] == [
        '-m',
        'torch.distributed.run',
        '--nnodes=1',
        '--node_rank=0',
        '--master_addr=127.0.0.1',
        '--master_port=4321',
        '--nproc_per_node=2',
        str(TOOLS / 'train.py'),
        'my config.py',
        '--cfg-options',
        'a=[1, 2]',
        'b=3',
        '--launcher',
        'pytorch',
        'MASTER_PORT=',
    ]


def test_testing_on_two_machines(recorder: Path) -> None:
    lines = recorded(
        'dist_test.sh',
        'c.py',
        'a.pth',
        '8',
        recorder=recorder,
        NNODES='2',
        NODE_RANK='1',
        MASTER_ADDR='node7',
    )
    assert lines[3:-1] == [
        '--nnodes=2',
        '--node_rank=1',
        '--master_addr=node7',
        '--master_port=29500',
        '--nproc_per_node=8',
        str(TOOLS / 'test.py'),
        'c.py',
        'a.pth',
        '--launcher',
        'pytorch',
    ]
    lines = recorded('dist_test.sh', 'c.py', 'a.pth', '8', recorder=recorder, PORT='1234')
    assert '--master_port=1234' in lines


def test_slurm_training(recorder: Path) -> None:
    lines = recorded(
        'slurm_train.sh',
        'part',
        'job name',
        'c.py',
        'my dir',
        '--amp',
        recorder=recorder,
        PATH=f'{recorder}:/usr/bin:/bin',
        GPUS='4',
        SRUN_ARGS='--time=1 --exclusive',
        PORT='1234',
    )
    assert lines[1:] == [
        '--partition=part',
        '--job-name=job name',
        '--ntasks=4',
        '--ntasks-per-node=4',
        '--cpus-per-task=5',
        '--gres=gpu:4',
        '--kill-on-bad-exit=1',
        '--time=1',
        '--exclusive',
        str(recorder / 'python'),
        '-u',
        str(TOOLS / 'train.py'),
        'c.py',
        '--work-dir=my dir',
        '--amp',
        '--launcher',
        'slurm',
        'MASTER_PORT=1234',
    ]


def test_slurm_testing_without_gpus(recorder: Path) -> None:
    lines = recorded(
        'slurm_test.sh',
        'part',
        'job',
        'c.py',
        'a.pth',
        recorder=recorder,
        PATH=f'{recorder}:/usr/bin:/bin',
        GPUS='2',
        GRES='',
    )
    assert not [line for line in lines if line.startswith('--gres')]
    assert lines[-5:-1] == ['c.py', 'a.pth', '--launcher', 'slurm']
    assert lines[-1].split('=')[1].isdigit()


@pytest.mark.parametrize(
    ('script', 'arguments'),
    [
        ('dist_train.sh', ['c.py']),
        ('dist_test.sh', ['c.py', 'a.pth']),
        ('slurm_train.sh', ['p', 'j', 'c.py']),
        ('slurm_test.sh', []),
    ],
)
def test_too_few_arguments_print_the_usage(
    recorder: Path, script: str, arguments: list[str]
) -> None:
    result = run(TOOLS / script, *arguments, cwd=recorder)
    assert result.returncode == 2
    assert result.stderr.startswith('usage: ')
    assert len(result.stderr.splitlines()) == 1


def test_a_wrong_number_of_processes_is_named(recorder: Path) -> None:
    result = run(TOOLS / 'dist_train.sh', 'c.py', 'two', cwd=recorder)
    assert (result.returncode, result.stderr) == (
        2,
        "error: PROCESSES is 'two', expected a positive number\n",
    )
