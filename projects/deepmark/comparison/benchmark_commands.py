# SPDX-License-Identifier: Apache-2.0
"""Run the commands of the garment benchmark's plan one after the other."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from deepmark.apis.command_line import EXIT_INTERRUPT
from deepmark.comparison.page.benchmark_plan import PlannedCommand, read_plan
from deepmark.comparison.process import terminated_as_interrupted
from deepmark.comparison.results_page import FOLDER
from deepmark.engine.errors import RunError


def run_benchmark(root: Path, names: Collection[str] = ()) -> None:
    """Run the planned commands; one that fails does not keep the next from running.

    Each can be interrupted and goes on when it is called again.

    Args:
        root: Of the project: where the commands run.
        names: Of the commands to run; none means all.

    Raises:
        KeyboardInterrupt: A command was interrupted; the rest was not run.
        RunError: A name is not in the plan, or a command failed.
    """
    commands = chosen_commands(read_plan(root / FOLDER).commands, names)
    failed = []
    for planned in commands:
        print(f'{planned.name}: {planned.command}', flush=True)
        with terminated_as_interrupted():  # else the command would go on without this process
            code = subprocess.run(arguments_of(planned.command), cwd=root, check=False).returncode
        if code == EXIT_INTERRUPT:
            raise KeyboardInterrupt
        if code:
            failed.append(f'{planned.name} ended with exit code {code}')
    if failed:
        raise RunError(f'{"; ".join(failed)}; its results file says which models failed and why')


def chosen_commands(
    commands: Collection[PlannedCommand], names: Collection[str]
) -> list[PlannedCommand]:
    """The commands of these names, in the plan's order; all when there are no names.

    Raises:
        RunError: A name is not in the plan.
    """
    known = [planned.name for planned in commands]
    for name in names:
        if name not in known:
            raise RunError(f'the plan has no command {name}; it has {", ".join(known)}')
    return [planned for planned in commands if not names or planned.name in names]


def arguments_of(command: str) -> list[str]:
    """Words of a command line, with this interpreter for ``python``."""
    words = shlex.split(command)
    return [sys.executable, *words[1:]] if words[0] == 'python' else words
