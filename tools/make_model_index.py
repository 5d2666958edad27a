# SPDX-License-Identifier: Apache-2.0
"""Make the model index of the configs: ``python tools/make_model_index.py --overwrite``.

Writes ``model-index.yml`` and ``configs/**/metafile.yml``, those that change. ``make model-index``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deepmark.analysis.model_index import write_model_index
from deepmark.apis.command_line import run_tool

ROOT = Path(__file__).resolve().parents[1]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Make the model index of the configs.')
    parser.add_argument(
        '--root', type=Path, default=ROOT, help='folder with configs/ (default: this project)'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace files that change')
    return parser.parse_args()


def make_model_index(args: argparse.Namespace) -> None:
    """Write, and say what."""
    written = write_model_index(args.root, args.overwrite)
    for path in written:
        print(f'wrote {path}')
    if not written:
        print('the model index is up to date')


def main() -> int:
    """Write the files, and return the exit code."""
    args = parse_args()
    return run_tool(lambda: make_model_index(args))


if __name__ == '__main__':
    sys.exit(main())
