# SPDX-License-Identifier: Apache-2.0
"""A folder with a toy config, in which the tools run inside the test's own process."""

from __future__ import annotations

import runpy
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
from mmdet.visualization import DetLocalVisualizer
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

from .toy_runs import write_config

RunScript = Callable[..., int]


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The config; the test's folder becomes the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    monkeypatch.setenv('LOCAL_RANK', '0')
    monkeypatch.delenv('WORLD_SIZE', raising=False)
    return write_config(tmp_path)


@pytest.fixture
def run_script(monkeypatch: pytest.MonkeyPatch) -> RunScript:
    """Run a script as ``python SCRIPT ARGUMENTS`` would; gives the exit code."""

    def run(script: Path, *arguments: object) -> int:
        # mmengine keeps loggers and the like by config name and second: two quick runs would share.
        for registry in (DefaultScope, DetLocalVisualizer, MessageHub, MMLogger, Visualizer):
            monkeypatch.setattr(registry, '_instance_dict', OrderedDict())
        monkeypatch.setattr(sys, 'argv', [str(script), *map(str, arguments)])
        try:
            runpy.run_path(str(script), run_name='__main__')
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return run
