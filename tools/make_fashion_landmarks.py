# SPDX-License-Identifier: Apache-2.0
"""Make a data set of drawn garments in the layout of FLD: raw lists, eight landmarks.

Example::

    python tools/make_fashion_landmarks.py --out data/garments_fld --train 600 --test 200

writes ``data/garments_fld/img/*.jpg``, ``Anno/list_bbox.txt``, ``Anno/list_landmarks.txt`` and
``Eval/list_eval_partition.txt``, one garment an image.
"""

from __future__ import annotations

import argparse
import sys

from deepmark.apis.command_line import run_tool
from deepmark.datasets.fashion_records import SPLITS
from deepmark.datasets.garments import GarmentConfig
from deepmark.datasets.garments.config import DIFFICULTIES
from deepmark.datasets.garments.fashion_writer import make_fashion_landmarks


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Make drawn garments in the layout of FLD.',
        epilog='example: %(prog)s --out data/garments_fld --train 600 --test 200',
    )
    parser.add_argument('--out', metavar='DIR', required=True, help='root of the data set')
    for split, count in zip(SPLITS, (1500, 0, 300), strict=True):
        parser.add_argument(
            f'--{split}', type=int, default=count, metavar='N', help='images (default: %(default)s)'
        )
    parser.add_argument('--size', type=int, default=256, help='side of the images in pixels')
    parser.add_argument('--seed', type=int, default=0, help='seed of the data set')
    parser.add_argument('--workers', type=int, help='processes (default: one per core)')
    parser.add_argument('--difficulty', choices=list(DIFFICULTIES), default='medium')
    parser.add_argument('--overwrite', action='store_true', help='replace an existing folder')
    return parser.parse_args(argv)


def make(args: argparse.Namespace) -> None:
    """Make the splits that were asked for."""
    config = GarmentConfig(size=args.size).at_difficulty(args.difficulty)
    counts = {split: getattr(args, split) for split in SPLITS}
    print(make_fashion_landmarks(args.out, counts, config, args.seed, args.workers, args.overwrite))


def main(argv: list[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    args = parse_args(argv)
    return run_tool(lambda: make(args))


if __name__ == '__main__':
    sys.exit(main())
