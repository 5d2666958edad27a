# SPDX-License-Identifier: Apache-2.0
"""The most memory that this process has held, for benchmarks that run in a process of their own."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

_STATUS = Path('/proc/self/status')


def peak_megabytes() -> float:
    """Peak resident set in 10^6 bytes.

    Read from VmHWM: on Linux ``ru_maxrss`` starts with what the parent held. Elsewhere it is taken.
    """
    if _STATUS.exists():
        found = re.search(r'^VmHWM:\s+(\d+) kB$', _STATUS.read_text(), re.MULTILINE)
        if found is not None:
            return int(found.group(1)) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == 'darwin' else 1024) / 1e6
