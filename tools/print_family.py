# SPDX-License-Identifier: Apache-2.0
"""Print the table of configs: ``python tools/print_family.py [CONFIG ...]``.

What each one is, the paper's figure, and what we measured; by default for all leaves of
``configs/``. An operation is an addition or a multiplication: a multiply-add counts twice.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deepmark.analysis.family import family_rows, to_json, to_markdown, to_table
from deepmark.apis.command_line import run_tool
from deepmark.atomic_write import atomic_write

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
PRINTED_WIDTH = 160  # when the output is no terminal


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Print the table of configs.')
    parser.add_argument(
        'configs', nargs='*', type=Path, help='config files (default: configs/deepmark_*.py)'
    )
    parser.add_argument(
        '--format',
        choices=['table', 'markdown', 'json'],
        default='table',
        help='(default: %(default)s)',
    )
    parser.add_argument(
        '--complexity',
        action='store_true',
        help='add parameters and operations at the input size',
    )
    parser.add_argument(
        '--out', metavar='FILE', help='write it there instead; on stdout the hosts print as well'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace FILE')
    return parser.parse_args()


def print_family(args: argparse.Namespace) -> None:
    """Read the leaves, and print or write them."""
    paths = args.configs or sorted(CONFIGS.glob('deepmark_*.py'))
    rows = family_rows(paths, args.complexity)
    if args.format == 'table':
        text = to_table(rows, PRINTED_WIDTH if args.out or not sys.stdout.isatty() else None)
    else:
        text = to_markdown(rows) if args.format == 'markdown' else to_json(rows)
    if args.out is None:
        print(text)
        return
    with atomic_write(args.out, args.overwrite) as file:
        file.write(f'{text}\n'.encode())


def main() -> int:
    """Print, and return the exit code."""
    args = parse_args()
    return run_tool(lambda: print_family(args))


if __name__ == '__main__':
    sys.exit(main())
