# SPDX-License-Identifier: Apache-2.0
"""Work shared by a few processes."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import TypeVar

Job = TypeVar('Job')
Result = TypeVar('Result')

MAX_WORKERS = 8
FORK = sys.platform == 'linux'
"""Forked processes start at once; spawned ones import the whole package anew."""


def usable_workers(workers: int | None, num_jobs: int) -> int:
    """How many processes to use; None is one for each core that is ours, 8 at most.

    A process that may not have children (a DataLoader worker) does the work itself.
    """
    if multiprocessing.current_process().daemon:
        return 1
    if workers is None:
        cores = len(os.sched_getaffinity(0)) if sys.platform == 'linux' else os.cpu_count() or 1
        workers = min(cores, MAX_WORKERS)
    return max(1, min(workers, num_jobs))


@contextmanager
def results_of(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Iterator[Iterator[tuple[int, Result]]]:
    """Run a function on all jobs; gives (number of the job, its result) as they are done.

    The jobs must not use OpenCV or PyTorch: a forked process inherits their pools without the
    threads. All processes are started before the block is entered, so that a progress bar's thread
    comes after the fork. An error ends the block; jobs that have not begun are dropped.

    Raises:
        concurrent.futures.process.BrokenProcessPool: a process was killed.
    """
    if workers == 1:
        yield ((number, function(job)) for number, job in enumerate(jobs))
        return
    context = multiprocessing.get_context('fork' if FORK else 'spawn')
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent)
    try:
        numbers = {pool.submit(function, job): number for number, job in enumerate(jobs)}
        yield ((numbers[future], future.result()) for future in as_completed(numbers))
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Do not outlive a parent that was killed: workers would wait for its next job for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_exit, args=[parent.sentinel], daemon=True).start()


def _wait_and_exit(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
