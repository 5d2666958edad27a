# SPDX-License-Identifier: Apache-2.0
"""The command ``deepmark`` is light; every other import of the package registers everything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deepmark.startup import started_as_command
from deepmark.version import __version__

CONSOLE_SCRIPT = 'import sys\nfrom deepmark.cli import main\nsys.exit(main())\n'


@pytest.mark.parametrize(
    ('argv', 'orig_argv', 'expected'),
    [
        (['/env/bin/deepmark', 'doctor'], ['python', '/env/bin/deepmark', 'doctor'], True),
        (['/env/bin/deepmark'], ['python', '/env/bin/deepmark'], True),
        (['deepmark.exe', '--version'], ['deepmark.exe', '--version'], True),
        (['-m', 'doctor'], ['python', '-X', 'dev', '-m', 'deepmark', 'doctor'], True),
        (['-m'], ['python', '-m', 'deepmark'], True),
        (['-m', '--version'], ['python', '-mdeepmark', '--version'], True),
        (['-m', 'doctor'], ['python', '-Im', 'deepmark', 'doctor'], True),
        (['-m', 'deepmark'], ['python', '-m', 'pytest', 'deepmark'], False),
        (['-m', '-m', 'deepmark'], ['python', '-m', 'pytest', '-m', 'deepmark'], False),
        (['-m'], ['python', '-m', 'deepmark.apis'], False),
        (['-m'], ['python', '-m', 'mydeepmark'], False),
        (['train.py', 'deepmark'], ['python', 'train.py', 'deepmark'], False),
        (['-c'], ['python', '-c', 'import deepmark'], False),
        ([''], ['python'], False),
        ([], ['python'], False),
    ],
)
def test_what_the_command_is(argv: list[str], orig_argv: list[str], expected: bool) -> None:
    assert started_as_command(argv, orig_argv) is expected


@pytest.mark.parametrize('way', ['console script', 'module'])
def test_the_command_needs_neither_torch_nor_mmdet(tmp_path: Path, way: str) -> None:
    broken = tmp_path / 'broken'
    broken.mkdir()
    for name in ('torch', 'numpy', 'mmcv', 'mmengine', 'mmdet'):
        (broken / f'{name}.py').write_text(f"raise ImportError('{name} was imported')\n")
    script = tmp_path / 'deepmark'
    script.write_text(CONSOLE_SCRIPT)
    command = [str(script)] if way == 'console script' else ['-m', 'deepmark']
    done = subprocess.run(
        [sys.executable, *command, '--version'],
        env={**os.environ, 'PYTHONPATH': str(broken)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ''
    assert done.stdout == f'deepmark {__version__}\n'
    assert done.returncode == 0


def test_any_other_process_registers_the_components(tmp_path: Path) -> None:
    script = tmp_path / 'train.py'
    script.write_text(
        'import deepmark\n'
        'from mmengine.registry import MODELS\n'
        "print(MODELS.get('deepmark.CenterNetKeypointHead').__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script), 'doctor'], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.splitlines()[-1:] == ['CenterNetKeypointHead'], done.stderr
