# SPDX-License-Identifier: Apache-2.0
"""Makes the project's own ``.venv`` with the tested set of packages; `make` calls it.

Needs nothing but the standard library. A second run does nothing while the inputs are unchanged;
a set-up that was interrupted is taken up again; two runs at once wait for each other. Nothing
outside the project's folder is touched.

    python3 tools/setup_env.py                # picks a Python 3.10-3.12
    python3 tools/setup_env.py --python /path/to/python3.12
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Iterator, NamedTuple, Optional  # noqa: UP035 (runs on old Pythons)

ROOT = Path(__file__).resolve().parent.parent
SUPPORTED = ((3, 10), (3, 11), (3, 12))
CANDIDATES = ('python3.11', 'python3.12', 'python3.10', 'python3', 'python')
CONSTRAINTS = 'requirements/constraints.txt'


class SetupError(Exception):
    """The set-up cannot go on; the text says why and what to do."""


class Step(NamedTuple):
    """One line of progress: what it is called and the command that does it."""

    label: str
    command: list[str]


def steps(python: str) -> list[Step]:
    """Return the commands that fill the environment of ``python``, in order."""
    install = [python, '-m', 'pip', 'install', '--constraint', CONSTRAINTS]
    # mmcv builds as pure Python when torch is missing from its isolated build environment. pip's
    # cache could hold a build that was made otherwise.
    hosts = ['--no-deps', '--no-cache-dir', '--no-binary', 'onedl-mmcv']
    names = ('runtime', 'demo', 'export', 'fast', 'tests')
    requirements = [f'--requirement=requirements/{name}.txt' for name in names]
    ours = ['--no-deps', '--no-build-isolation', '--editable', '.']
    return [
        Step('PyTorch', [*install, 'torch', 'torchvision', 'numpy', 'setuptools']),
        Step('OpenMMLab hosts', [*install, *hosts, '--requirement=requirements/mminstall.txt']),
        Step('requirements', [*install, *requirements]),
        Step('deepmark', [python, '-m', 'pip', 'install', *ours]),
        Step('check', [python, '-c', 'import cv2, torchvision, mmcv._ext, pycocotools.mask']),
    ]


def fingerprint(root: Path, python_version: str) -> str:
    """Hash of everything that decides what is installed, and of the folder (venvs cannot move)."""
    inputs = sorted((root / 'requirements').glob('*.txt'))
    names = ('setup.py', 'projects/deepmark_standins.pth', 'tools/setup_env.py')
    inputs += [root / name for name in names]
    digest = hashlib.sha256(f'{root} {python_version}'.encode())
    for path in inputs:
        digest.update(path.relative_to(root).as_posix().encode() + b'\0' + path.read_bytes())
    return digest.hexdigest()


def python_version(python: str, modules: str = '') -> Optional[tuple[int, int]]:  # noqa: UP045
    """Return (major, minor) of an interpreter, or None if it does not run (pyenv's shims may not).

    Args:
        python: Path of the interpreter.
        modules: Modules that it must be able to import, separated by commas.
    """
    names = ', '.join(filter(None, ['sys', modules]))
    code = f'import {names}; print(sys.version_info[0], sys.version_info[1])'
    try:
        done = subprocess.run([python, '-c', code], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    fields = done.stdout.split()
    return (int(fields[0]), int(fields[1])) if done.returncode == 0 and len(fields) == 2 else None


def candidates(path: str) -> Iterator[str]:
    """Yield this interpreter, then every python on ``path`` by the order of CANDIDATES."""
    yield sys.executable
    for name in CANDIDATES:
        for folder in path.split(os.pathsep):
            found = shutil.which(name, path=folder)
            if found:
                yield found


def choose_python(
    requested: str,
    path: str,
    version_of: Callable[[str], Optional[tuple[int, int]]],  # noqa: UP045
) -> str:
    """Pick an interpreter that runs and is supported.

    Raises:
        SetupError: If the requested one does not qualify, or none on the path does.
    """
    supported = ', '.join(f'{major}.{minor}' for major, minor in SUPPORTED)
    if requested:
        found = version_of(requested)
        if found in SUPPORTED:
            return requested
        problem = f'is Python {found[0]}.{found[1]}' if found else 'does not run'
        raise SetupError(f'PYTHON={requested} {problem}; deepmark needs Python {supported}.')
    for python in candidates(path):
        if version_of(python) in SUPPORTED:
            return python
    raise SetupError(
        f'No Python {supported} found on PATH. Install one (with its venv module), or say where '
        'it is: make PYTHON=/path/to/python3.11'
    )


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock; it is free again when the process ends, however it ends."""
    with path.open('w') as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print('Another set-up is running; waiting for it ...', flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def run_step(number: str, step: Step, log: Path) -> None:
    """Run one command with its output in the log, and print one line with the seconds.

    Raises:
        SetupError: If the command fails; names the step, the log and its last lines.
    """
    print(f'{number} {step.label} ... ', end='', flush=True)
    started = time.monotonic()
    environment = {k: v for k, v in os.environ.items() if k not in ('PYTHONPATH', 'PYTHONHOME')}
    environment.update(PYTHONNOUSERSITE='1', PIP_DISABLE_PIP_VERSION_CHECK='1', MMCV_WITH_OPS='0')
    with log.open('a') as out:
        print(f'\n$ {" ".join(step.command)}', file=out, flush=True)
        code = subprocess.call(
            step.command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT
        )
    print(f'{time.monotonic() - started:.0f} s' if code == 0 else 'failed', flush=True)
    if code != 0:
        tail = '\n'.join(log.read_text(errors='replace').splitlines()[-15:])
        raise SetupError(
            f'{tail}\n\nSet-up failed in the step "{step.label}" (exit code {code}). '
            f'Everything it printed: {log}. Run make again to continue.'
        )


def create_venv(venv: Path, base: str, log: Path) -> None:
    """Make an empty environment, also where Python comes without ensurepip (Debian's)."""
    shutil.rmtree(venv, ignore_errors=True)
    if python_version(base, 'ensurepip') is not None:
        run_step('[0]', Step(f'.venv from {base}', [base, '-m', 'venv', str(venv)]), log)
        return
    make = Step(f'.venv from {base}', [base, '-m', 'venv', '--without-pip', str(venv)])
    run_step('[0]', make, log)
    python = str(venv / 'bin/python')
    pip = [base, '-m', 'pip', '--python', python, 'install', 'pip']
    run_step('[0]', Step('pip', pip), log)


def set_up(requested: str, venv: Path, state: Path) -> None:
    """Bring ``venv`` up to date; does nothing when its stamp matches."""
    python = str(venv / 'bin/python')
    stamp = venv / 'deepmark_setup.stamp'
    installed = python_version(python)
    if installed not in SUPPORTED or (requested and python_version(requested) != installed):
        base = choose_python(requested, os.environ.get('PATH', ''), python_version)
        create_venv(venv, base, state / 'log.txt')
        installed = python_version(python)
    wanted = fingerprint(ROOT, str(installed))
    if stamp.exists() and stamp.read_text() == wanted:
        return
    started = time.monotonic()
    stamp.unlink(missing_ok=True)
    if python_version(python, 'pip') is None:
        raise SetupError(f'{venv} has no working pip. Remove the folder and run make again.')
    todo = steps(python)
    for number, step in enumerate(todo, start=1):
        run_step(f'[{number}/{len(todo)}]', step, state / 'log.txt')
    stamp.write_text(wanted)
    print(f'Set-up done in {time.monotonic() - started:.0f} s: {venv}', flush=True)


def main() -> int:
    """Parse the arguments, take the lock, set up; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--python', default='', help='interpreter to use (3.10 to 3.12)')
    requested = parser.parse_args().python
    state = ROOT / '.setup'
    state.mkdir(exist_ok=True)
    try:
        with locked(state / 'lock'):
            set_up(shutil.which(requested) or requested, ROOT / '.venv', state)
    except SetupError as error:
        print(f'\n{error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
