# SPDX-License-Identifier: Apache-2.0
"""Run a job in a process of its own, whatever becomes of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import msgspec

from deepmark.comparison import jobs
from deepmark.comparison.jobs import Job, Progress
from deepmark.engine.errors import RunError

POLL_SECONDS = 0.25
GRACE_SECONDS = 10.0
WORKER = (sys.executable, '-m', 'deepmark.comparison.worker')
_TAIL_BYTES = 64 * 1024
_LONGEST_ERROR = 400
_TRACEBACK = 'Traceback (most recent call last):'
_ERROR_LINE = re.compile(r'^[A-Za-z_][\w.]*(?:: |$)')

Watch = Callable[[Progress], None]


class JobError(RunError):
    """A job ended without what it was to do; the message is its last error, in a line or two."""


def run_job(job: Job, watch: Watch, stall_seconds: float) -> None:
    """Start a process for a job and wait for its end.

    What the process prints is appended to the folder's log. The process gets no Ctrl-C of the
    terminal, but is ended when this one is interrupted.

    Args:
        job: What to do.
        watch: Called with the newest line of progress.
        stall_seconds: A process that writes neither log nor progress for so long is ended.

    Raises:
        JobError: It crashed, was killed, or hung.
    """
    folder = Path(job.folder)
    folder.mkdir(parents=True, exist_ok=True)
    jobs.write_struct(folder / jobs.JOB_FILE, job)
    log = folder / jobs.LOG_FILE
    start = log.stat().st_size if log.is_file() else 0
    with log.open('ab') as output:
        process = subprocess.Popen(
            [*WORKER, str(folder / jobs.JOB_FILE)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = _wait(process, folder, watch, stall_seconds)
        finally:
            end_process(process)
    if code:
        raise JobError(error_of(log, start, code))


def _wait(
    process: subprocess.Popen[bytes], folder: Path, watch: Watch, stall_seconds: float
) -> int:
    """Exit code of a process.

    Raises:
        JobError: It hung.
    """
    signs: tuple[int, ...] = ()
    alive = time.monotonic()
    first = _size(folder / jobs.PROGRESS_FILE)
    while True:
        try:
            return process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        found = tuple(_size(folder / name) for name in (jobs.PROGRESS_FILE, jobs.LOG_FILE))
        if found != signs:
            signs, alive = found, time.monotonic()
            line = newest_progress(folder / jobs.PROGRESS_FILE) if found[0] > first else None
            if line is not None:
                watch(line)
        elif time.monotonic() - alive > stall_seconds:
            raise JobError(f'no sign of life for {stall_seconds / 60:g} minutes: ended')


def end_process(process: subprocess.Popen[bytes]) -> None:
    """End a process and its loader workers, if they still run."""
    if process.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(GRACE_SECONDS)
            break
        except subprocess.TimeoutExpired:
            continue


def newest_progress(path: Path) -> Progress | None:
    """The last whole line of a progress file."""
    for text in reversed(_tail(path).splitlines()):
        try:
            return msgspec.json.decode(text, type=Progress)
        except msgspec.DecodeError:
            continue
    return None


def error_of(log: Path, start: int, code: int) -> str:
    """Why a process ended, in a line or two, without paths of this machine.

    Args:
        log: What it printed, behind ``start`` bytes.
        start: Where its part of the log begins.
        code: Its exit code; negative for a signal.
    """
    if code < 0:
        name = signal.Signals(-code).name
        hint = ': out of memory, most likely' if name == 'SIGKILL' else ''
        return f'killed by {name}{hint}'
    lines = _tail(log, start).decode('utf-8', 'replace').splitlines()
    text = _last_error(lines) or next((line for line in reversed(lines) if line.strip()), '')
    text = text.replace(f'{Path.cwd()}{os.sep}', '')
    text = text.replace(f'{Path.home()}{os.sep}', f'~{os.sep}').strip()
    return text[:_LONGEST_ERROR] or f'exit code {code}'


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """While this is open, SIGTERM does what Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _last_error(lines: list[str]) -> str:
    """The error below the last traceback: its line and the one after it."""
    starts = [index for index, line in enumerate(lines) if line.strip() == _TRACEBACK]
    if not starts:
        return ''
    below = lines[starts[-1] + 1 :]
    for index, line in enumerate(below):
        if _ERROR_LINE.match(line):
            text = '\n'.join(filter(None, (part.strip() for part in below[index : index + 2])))
            return re.sub(r'^deepmark\.[\w.]+\.', '', text)
    return ''


def _tail(path: Path, start: int = 0) -> bytes:
    if not path.is_file():
        return b''
    with path.open('rb') as file:
        file.seek(max(start, path.stat().st_size - _TAIL_BYTES))
        return file.read()


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
