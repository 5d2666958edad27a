# SPDX-License-Identifier: Apache-2.0
"""Decides whether ``import deepmark`` may stay light. Standard library only.

The command ``deepmark`` must answer at once and, as the doctor, where torch, mmcv or OpenCV cannot
be imported; but both ways to it import the package first: the console script ``deepmark`` and
``python -m deepmark``. A subcommand that needs the components imports them itself.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path


def started_as_command(
    argv: Sequence[str] | None = None, orig_argv: Sequence[str] | None = None
) -> bool:
    """Tell whether this process is the command ``deepmark``.

    Args:
        argv: Default ``sys.argv``; while Python imports the package of ``-m``, its first is '-m'.
        orig_argv: Default ``sys.orig_argv``, the interpreter's own command line. It ends in what
            ``argv`` has behind its first entry; before that stands the name of the module.

    >>> started_as_command(['/bin/deepmark', 'doctor'], ['python', '/bin/deepmark', 'doctor'])
    True
    >>> started_as_command(['-m', 'doctor'], ['python', '-m', 'deepmark', 'doctor'])
    True
    >>> started_as_command(['-m', 'doctor'], ['python', '-m', 'another', 'doctor'])
    False
    """
    argv = getattr(sys, 'argv', []) if argv is None else argv
    orig_argv = sys.orig_argv if orig_argv is None else orig_argv
    if not argv:
        return False
    if argv[0] == '-m' and len(argv) <= len(orig_argv):
        module = orig_argv[-len(argv)]  # 'deepmark', or joined to its option: '-mdeepmark'
        return re.fullmatch(r'(-\w*m)?deepmark', module) is not None
    return Path(argv[0]).stem == 'deepmark'
