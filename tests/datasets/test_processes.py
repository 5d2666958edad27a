# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures.process import BrokenProcessPool

import pytest

from deepmark.datasets.processes import results_of, usable_workers


def square(number: int) -> int:
    if number < 0:
        raise ValueError(f'{number} is negative')
    return number * number


def die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize('workers', [1, 2])
def test_each_result_comes_with_the_number_of_its_job(workers: int) -> None:
    with results_of(square, [3, 4, 5], workers) as results:
        assert dict(results) == {0: 9, 1: 16, 2: 25}


@pytest.mark.parametrize('workers', [1, 2])
def test_an_error_of_a_job_is_raised(workers: int) -> None:
    with (
        pytest.raises(ValueError, match='-1 is negative'),
        results_of(square, [1, -1, 2], workers) as results,
    ):
        dict(results)


def test_a_process_that_was_killed_is_no_reason_to_wait_for_ever() -> None:
    with pytest.raises(BrokenProcessPool), results_of(die, [1, 2], 2) as results:
        dict(results)


def _workers_here(_: int) -> int:
    return usable_workers(4, 4)


def test_number_of_workers() -> None:
    assert usable_workers(3, 2) == 2
    assert usable_workers(0, 5) == usable_workers(None, 0) == 1
    assert 1 <= usable_workers(None, 100) <= 8
    context = multiprocessing.get_context('fork' if os.name == 'posix' else 'spawn')
    with context.Pool(1) as pool:
        assert pool.map(_workers_here, [0]) == [1]
