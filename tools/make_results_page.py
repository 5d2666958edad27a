# SPDX-License-Identifier: Apache-2.0
"""Make docs/results.md, its pictures and README.md's table: ``make docs-results``.

All of it comes from the JSON files in docs/results.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deepmark.apis.command_line import run_tool
from deepmark.comparison.results_page import write_page

ROOT = Path(__file__).resolve().parents[1]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Make docs/results.md, its pictures and the table of README.md.'
    )
    parser.add_argument('--root', type=Path, default=ROOT, help="the project's root (this one)")
    return parser.parse_args()


def make_page(args: argparse.Namespace) -> None:
    """Write the files and name them."""
    for path in write_page(args.root):
        print(path.relative_to(args.root))


def main() -> int:
    """Make the page, and return the exit code."""
    args = parse_args()
    return run_tool(lambda: make_page(args))


if __name__ == '__main__':
    sys.exit(main())
