# SPDX-License-Identifier: Apache-2.0
"""Where a comparison ran, and with which code."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import import_module
from pathlib import Path

import torch

from deepmark.comparison.results import Machine
from deepmark.version import __version__

PACKAGES = ('torch', 'mmcv', 'mmengine', 'mmdet', 'mmpose')
_CPU_FACTS = Path('/proc/cpuinfo')


def this_machine() -> Machine:
    """Processor, cores, GPU and versions: nothing that names the machine itself."""
    packages = {name: str(import_module(name).__version__) for name in PACKAGES}
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return Machine(
        processor_name(), usable_cores(), gpu, platform.python_version(),
        {**packages, 'deepmark': __version__},
    )  # fmt: skip


def processor_name() -> str:
    """Model name of the CPU, or its architecture where the system does not say."""
    try:
        lines = _CPU_FACTS.read_text(encoding='utf-8', errors='replace').splitlines()
    except OSError:
        lines = []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return next(filter(None, names), platform.processor() or platform.machine())


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def commit_of(folder: Path) -> str | None:
    """Commit of the repository that a folder is in, '+' behind it with local changes.

    None outside a repository, and where there is no git.
    """
    commit = _git(folder, 'rev-parse', 'HEAD')
    if not commit:
        return None
    return commit + ('+' if _git(folder, 'status', '--porcelain') else '')


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ['git', '-C', str(folder), *arguments], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
