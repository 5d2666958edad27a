# SPDX-License-Identifier: Apache-2.0
"""Decides whether ``import deepmark`` may stay light. Standard library only.

The doctor has to run where torch, mmcv or OpenCV cannot be imported, and both ways to it import
the package first: ``python -m deepmark doctor`` and the console script ``deepmark doctor``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path


def doctor_requested(
    argv: Sequence[str] | None = None, orig_argv: Sequence[str] | None = None
) -> bool:
    """Tell whether this process was started as the doctor.

    Args:
        argv: Default ``sys.argv``; while Python imports the package of ``-m``, its first is '-m'.
        orig_argv: Default ``sys.orig_argv``, the interpreter's own command line.

    >>> doctor_requested(['/usr/bin/deepmark', 'doctor'], ['python', '/usr/bin/deepmark', 'doctor'])
    True
    >>> doctor_requested(['-m', 'doctor'], ['python', '-m', 'deepmark', 'doctor'])
    True
    >>> doctor_requested(['-m', 'doctor'], ['python', '-m', 'another', 'doctor'])
    False
    """
    argv = getattr(sys, 'argv', []) if argv is None else argv
    orig_argv = sys.orig_argv if orig_argv is None else orig_argv
    if list(argv[1:2]) != ['doctor']:
        return False
    if Path(argv[0]).stem == 'deepmark':
        return True
    return ('-m', 'deepmark') in pairwise(orig_argv)
