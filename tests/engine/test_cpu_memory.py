# SPDX-License-Identifier: Apache-2.0
"""malloc keeps freed memory where it can be told to."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from deepmark.engine.cpu_memory import keep_freed_memory

FAULTS = """
import resource, torch
from deepmark.engine.cpu_memory import keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(8_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
plain = faults()
assert keep_freed_memory()
faults()
print(plain, faults())
"""


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='glibc only')
def test_fewer_page_faults() -> None:
    if torch.cuda.is_available():
        pytest.skip('left alone where there is a GPU')
    done = subprocess.run(
        [sys.executable, '-c', FAULTS], capture_output=True, text=True, check=True
    )
    plain, kept = map(int, done.stdout.split()[-2:])
    assert kept < plain / 4


def test_nothing_is_done_with_a_gpu_or_another_libc(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(torch.cuda, 'is_available', lambda: True)
        assert not keep_freed_memory()
    monkeypatch.setattr('platform.libc_ver', lambda: ('', ''))
    assert not keep_freed_memory()
