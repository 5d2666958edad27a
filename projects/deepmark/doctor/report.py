# SPDX-License-Identifier: Apache-2.0
"""Prints versions and problems, in colour where rich is installed."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from deepmark.doctor.checks import Problem, diagnose
from deepmark.doctor.facts import Facts, collect_facts
from deepmark.version import __version__

SHOWN = (
    'torch', 'torchvision', 'numpy', 'cv2', 'pycocotools', 'mmengine', 'mmcv', 'mmdet', 'mmpose',
)  # fmt: skip


def run_doctor() -> int:
    """Look, print, and return 1 when something is wrong, else 0."""
    print('Looking at the environment (imports the hosts, some 20 seconds) ...', flush=True)
    facts = collect_facts()
    problems = diagnose(facts)
    print_table(version_rows(facts))
    print_problems(problems)
    return 1 if problems else 0


def version_rows(facts: Facts) -> list[tuple[str, str]]:
    """Return (name, version and distribution) for everything that matters."""
    rows = [
        ('deepmark', __version__),
        ('Python', '.'.join(map(str, facts.python))),
        ('platform', platform.platform()),
    ]
    for name in SHOWN:
        names = facts.providers.get(name, ())
        texts = [f'{facts.versions.get(n, "?")} ({n})' for n in names]
        rows.append((name, ', '.join(texts) or 'not installed'))
    rows.append(('mmcv ops', ops_description(facts)))
    rows.append(('GPU', ', '.join(facts.gpus) or 'none (deepmark runs on the CPU)'))
    return rows


def ops_description(facts: Facts) -> str:
    """Say whose ``mmcv._ext`` is used."""
    found = facts.imports.get('mmcv._ext')
    if found is None or found.error is not None:
        return 'none'
    return 'stand-in of deepmark' if 'deepmark_standins' in (found.file or '') else 'compiled'


def print_table(rows: Sequence[tuple[str, str]]) -> None:
    """Print two columns."""
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            print(f'{name:<{width}}  {value}')
        return
    table = Table(show_header=False)
    table.add_column(style='bold', no_wrap=True)
    table.add_column(overflow='fold')
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def print_problems(problems: Sequence[Problem]) -> None:
    """Print each problem above the command that mends it; commands stay on one line to copy."""
    if not problems:
        print('Nothing is wrong.')
        return
    for number, problem in enumerate(problems, start=1):
        print(f'\n{number}. {problem.text}\n   mend it with:\n   {problem.command}')
    print('\nMend the first one, then run the doctor again: later ones may rest on it.')
