# SPDX-License-Identifier: Apache-2.0
"""The command ``deepmark``. Imports nothing heavy: it must work in a broken environment.

``deepmark.startup`` keeps the package itself light here, so nothing is registered: a subcommand
that builds components imports the subpackages that it needs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from deepmark.version import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand and return the exit code."""
    parser = argparse.ArgumentParser(
        prog='deepmark',
        description='One-shot clothing detection and fashion-landmark estimation for OpenMMLab.',
    )
    parser.add_argument('--version', action='version', version=f'deepmark {__version__}')
    commands = parser.add_subparsers(dest='command', required=True, metavar='command')
    commands.add_parser(
        'doctor', help='print versions, what is wrong, and the command that mends it'
    )
    parser.parse_args(argv)
    from deepmark.doctor import run_doctor

    return run_doctor()
