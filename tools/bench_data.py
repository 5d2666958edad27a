# SPDX-License-Identifier: Apache-2.0
"""Measure the data: ``python tools/bench_data.py [--only loader]``.

How long the training set's annotations take, beside pycocotools, and how many images a second the
training pipeline delivers, beside decoding and mmpose. Prints tables and writes the numbers to
``work_dirs/bench/data.json``. No data is needed: annotations and photos are generated, once.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from mmengine.config import Config
from rich.console import Console

from deepmark.apis.command_line import run_tool
from deepmark.atomic_write import atomic_write
from deepmark.benchmarks.data_tables import reading_table, step_table, target_table, way_table

BENCH = Path('work_dirs/bench')
CONFIG = Path(__file__).resolve().parents[1] / 'configs/_base_/deepfashion2.py'


def positive(text: str) -> int:
    """A whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{text} is not above 0')
    return number


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Measure reading annotations and the data loader.',
        epilog='example: python tools/bench_data.py --only loader --loader-images 100',
    )
    parser.add_argument(
        '--images',
        type=positive,
        default=191_961,
        help="annotation files to generate and read (default: %(default)s, the training set's)",
    )
    parser.add_argument(
        '--loader-images',
        type=positive,
        default=200,
        help='photos to generate and load (default: %(default)s)',
    )
    parser.add_argument(
        '--folder',
        type=Path,
        default=BENCH / 'synthetic',
        help='where the generated files are kept (default: %(default)s)',
    )
    parser.add_argument(
        '--only',
        choices=['loading', 'loader'],
        help='one of the two; the numbers of the other one stay in the file',
    )
    parser.add_argument(
        '--out',
        metavar='FILE',
        type=Path,
        default=BENCH / 'data.json',
        help='numbers as JSON; an earlier file is replaced (default: %(default)s)',
    )
    return parser.parse_args()


def measure_loading(args: argparse.Namespace, console: Console) -> dict[str, float]:
    """Read the annotations."""
    from deepmark.benchmarks.loading import bench_loading

    measured = bench_loading(args.folder / 'annotations', args.images)
    console.print(reading_table(measured))
    return measured


def measure_loader(args: argparse.Namespace, console: Console) -> dict[str, float]:
    """Run the training pipeline of the configs."""
    from deepmark.benchmarks.loader_throughput import bench_loader

    pipeline = Config.fromfile(CONFIG)['df2_pipelines']['px512']['train']
    measured = bench_loader(args.folder / 'photos', pipeline, photos=args.loader_images)
    console.print(way_table(measured), step_table(measured))
    return measured


def bench(args: argparse.Namespace) -> None:
    """Measure, print, write."""
    console = Console()
    measured: dict[str, float] = {}
    if args.only != 'loader':
        measured |= measure_loading(args, console)
    if args.only != 'loading':
        measured |= measure_loader(args, console)
    console.print(target_table(measured))
    earlier = json.loads(args.out.read_bytes()) if args.only and args.out.exists() else {}
    with atomic_write(args.out, overwrite=True) as file:
        file.write(json.dumps({**earlier, **measured}, indent=1).encode() + b'\n')
    console.print(f'written to {args.out}')


def main() -> int:
    """Measure, and return the exit code."""
    args = parse_args()
    return run_tool(lambda: bench(args))


if __name__ == '__main__':
    sys.exit(main())
