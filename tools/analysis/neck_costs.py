# SPDX-License-Identifier: Apache-2.0
"""Measure necks: ``python tools/analysis/neck_costs.py --pyramid r50``.

Parameters, operations (a multiply-add is two) and times on the CPU of DAFE with its options, FPN,
DLA's up-sampling and TopDownFusion on the same pyramid. The number of threads is torch's
(OMP_NUM_THREADS). At 512 pixels it takes some minutes, most of them in deformable convolutions.
"""

from __future__ import annotations

import argparse
import json
import sys

from deepmark.analysis.family import to_markdown, to_table
from deepmark.analysis.neck_costs import (
    PYRAMIDS,
    cost_record,
    cost_rows,
    measure_necks,
    neck_configs,
)
from deepmark.apis.command_line import run_tool
from deepmark.atomic_write import atomic_write, refuse_existing

PRINTED_WIDTH = 120  # when the output is no terminal


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Measure parameters, operations and time of necks.',
        epilog='example: python tools/analysis/neck_costs.py --pyramid dla34 --format markdown',
    )
    parser.add_argument(
        '--size', type=int, default=512, help='side of the image in pixels (default: %(default)s)'
    )
    parser.add_argument(
        '--pyramid',
        choices=list(PYRAMIDS),
        default='r50',
        help='widths of the levels (default: %(default)s)',
    )
    parser.add_argument(
        '--repeats', type=int, default=5, help='turns of each neck (default: %(default)s)'
    )
    parser.add_argument(
        '--max-gflops',
        type=float,
        default=100.0,
        help='necks with more operations are not timed (default: %(default)s)',
    )
    parser.add_argument(
        '--format',
        choices=['table', 'markdown', 'json'],
        default='table',
        help='of what is printed (default: %(default)s)',
    )
    parser.add_argument('--out', metavar='FILE', help='also write all figures there, as JSON')
    parser.add_argument('--overwrite', action='store_true', help='replace FILE')
    return parser.parse_args()


def measure(args: argparse.Namespace) -> None:
    """Measure, print and write."""
    if args.out is not None:
        refuse_existing(args.out, args.overwrite)
    widths = PYRAMIDS[args.pyramid]
    costs = measure_necks(
        neck_configs(widths), widths.in_channels, args.size, args.repeats, args.max_gflops
    )
    record = cost_record(costs, pyramid=args.pyramid, size=args.size, repeats=args.repeats)
    text = json.dumps(record, indent=2)
    if args.format == 'json':
        print(text)
    elif args.format == 'markdown':
        print(to_markdown(cost_rows(costs)))
    else:
        print(to_table(cost_rows(costs), None if sys.stdout.isatty() else PRINTED_WIDTH))
    if args.out is not None:
        with atomic_write(args.out, args.overwrite) as file:
            file.write(f'{text}\n'.encode())


def main() -> int:
    """Measure, and return the exit code."""
    args = parse_args()
    return run_tool(lambda: measure(args))


if __name__ == '__main__':
    sys.exit(main())
