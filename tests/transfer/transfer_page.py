# SPDX-License-Identifier: Apache-2.0
"""Takes the files and commands out of docs/transfer.md and runs them as a reader would."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from mmdet.visualization import DetLocalVisualizer
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / 'docs' / 'transfer.md'


def block(language: str) -> str:
    """The page's only block in a language."""
    (text,) = re.findall(rf'```{language}\n(.*?)```', PAGE.read_text(encoding='utf-8'), re.DOTALL)
    return str(text)


def commands() -> dict[str, list[str]]:
    """The page's commands by the name of their script, in their order."""
    lines = [shlex.split(line) for line in block('shell').splitlines()]
    assert all(words[0] == 'python' for words in lines)
    return {Path(words[1]).name: words[1:] for words in lines}


def lay_out(folder: Path) -> None:
    """Make a folder in which the page's files and commands have their paths."""
    for name in ('configs', 'tools', 'tests'):
        (folder / name).symlink_to(ROOT / name)
    (folder / 'objects.yaml').write_text(block('yaml'), encoding='utf-8')
    (folder / 'objects.py').write_text(block('python'), encoding='utf-8')


def run(folder: Path, words: Iterable[str]) -> int:
    """Run a script as ``python SCRIPT ARGUMENTS`` does in the folder; gives the exit code."""
    arguments = list(words)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv('CUDA_VISIBLE_DEVICES', '-1')
        patch.setenv('LOCAL_RANK', '0')
        patch.delenv('WORLD_SIZE', raising=False)
        # mmengine keeps loggers and the like by config name and second: quick runs would share.
        for registry in (DefaultScope, DetLocalVisualizer, MessageHub, MMLogger, Visualizer):
            patch.setattr(registry, '_instance_dict', OrderedDict())
        patch.setattr(sys, 'argv', arguments)
        try:
            runpy.run_path(arguments[0], run_name='__main__')
        except SystemExit as end:
            return int(end.code or 0)
    return 0


def run_page(folder: Path, more: Mapping[str, Iterable[str]]) -> None:
    """Run all commands, each with further arguments.

    Args:
        folder: from :func:`lay_out`.
        more: by the name of the script; what comes behind the page's arguments.
    """
    for name, words in commands().items():
        code = run(folder, [*words, *more.get(name, ())])
        assert code == 0, f'{name} ended with {code}'
