# SPDX-License-Identifier: Apache-2.0
"""Measure the evaluation beside pycocotools: ``python tools/bench_eval.py [--scale 0.1]``.

Prints a table and writes the numbers to ``work_dirs/bench/eval.json``. No data is needed: truth and
detections are drawn at random, with the validation set's size.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from deepmark.apis.command_line import run_tool
from deepmark.atomic_write import atomic_write
from deepmark.benchmarks.evaluation import bench_evaluation
from deepmark.benchmarks.evaluation_table import evaluation_table

DEFAULT_OUT = Path('work_dirs/bench/eval.json')


def positive(text: str) -> float:
    """A number above 0."""
    number = float(text)
    if not 0 < number < float('inf'):
        raise argparse.ArgumentTypeError(f'{text} is not above 0')
    return number


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Measure the evaluation beside pycocotools.',
        epilog='example: python tools/bench_eval.py --scale 0.1',
    )
    parser.add_argument(
        '--scale',
        type=positive,
        default=1.0,
        help="1 is the validation set's size, 32,153 images (default: %(default)s)",
    )
    parser.add_argument(
        '--backend',
        choices=['auto', 'fast', 'pycocotools'],
        default='auto',
        help='of our evaluation: fast is hotcoco (default: %(default)s)',
    )
    parser.add_argument(
        '--out',
        metavar='FILE',
        type=Path,
        default=DEFAULT_OUT,
        help='numbers as JSON; an earlier file is replaced (default: %(default)s)',
    )
    return parser.parse_args()


def bench(args: argparse.Namespace) -> None:
    """Measure, print, write."""
    with Console(stderr=True).status('evaluating, a minute at full size ...'):
        measured = bench_evaluation(args.scale, args.backend)
    Console().print(evaluation_table(measured))
    with atomic_write(args.out, overwrite=True) as file:
        file.write(json.dumps(measured, indent=1).encode() + b'\n')
    print(f'written to {args.out}')


def main() -> int:
    """Measure, and return the exit code."""
    args = parse_args()
    return run_tool(lambda: bench(args))


if __name__ == '__main__':
    sys.exit(main())
