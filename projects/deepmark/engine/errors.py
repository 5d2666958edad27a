# SPDX-License-Identifier: Apache-2.0
"""Errors whose message is written for the person who started the run.

The command-line tools print them without a traceback (`deepmark.apis.command_line`).
"""

from __future__ import annotations


class RunError(RuntimeError):
    """A run cannot start or go on; the message names the file or key and the remedy."""


class CheckpointError(RunError):
    """A checkpoint file is damaged, not trusted, or made for another model."""
