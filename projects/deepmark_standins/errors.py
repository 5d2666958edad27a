# SPDX-License-Identifier: Apache-2.0
"""The error of an op that only compiled mmcv has."""

from __future__ import annotations


class MissingOpError(RuntimeError):
    """An op of mmcv was called that the stand-in does not implement."""


def missing_op_message(op: str) -> str:
    """Return the text that names the op and says how to get it."""
    return (
        f'mmcv op {op!r} needs compiled mmcv: this mmcv was installed without its C++/CUDA ops, '
        f"and deepmark's stand-in does not cover {op!r}. Install a compiled mmcv that fits your "
        'PyTorch (it wins over the stand-in by itself), see docs/installation.md.'
    )
