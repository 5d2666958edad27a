# SPDX-License-Identifier: Apache-2.0
"""Make a data set of drawn garments in DeepFashion2's own format.

Example::

    python tools/make_garments.py --out data/garments --train 1500 --val 300

writes ``data/garments/train`` and ``data/garments/validation``, each with image/*.jpg and
annos/*.json. Image i of a split depends on the settings, the seed, the split and i only.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from functools import partial

from deepmark.apis.command_line import run_tool
from deepmark.datasets.garments import GarmentConfig, make_garments
from deepmark.datasets.garments.config import DIFFICULTIES
from deepmark.datasets.garments.preview import write_preview

_KNOBS = {
    'flat': 'share of images of garments nobody wears',
    'side': 'share of persons turned to the side',
    'back': 'share of persons seen from behind',
    'second_person': 'share of images with two persons or two flat garments',
    'close_up': 'share of persons so close that garments are cut off',
    'occluders': 'expected number of objects in front of a person',
    'clutter': 'amount of things in the background, 0..1',
    'plain': 'share of images with a plain backdrop',
}


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Make a data set of drawn garments.')
    parser.add_argument('--out', metavar='DIR', help='root of the data set')
    parser.add_argument('--train', type=int, default=1500, metavar='N', help='training images')
    parser.add_argument('--val', type=int, default=300, metavar='N', help='validation images')
    parser.add_argument('--size', type=int, default=256, help='side of the images in pixels')
    parser.add_argument('--seed', type=int, default=0, help='seed of the data set')
    parser.add_argument('--workers', type=int, help='processes (default: one per core)')
    parser.add_argument('--difficulty', choices=list(DIFFICULTIES), default='medium')
    for name, meaning in _KNOBS.items():
        flag = f'--{name.replace("_", "-")}'
        parser.add_argument(flag, type=float, metavar='X', help=f'{meaning} (default: difficulty)')
    parser.add_argument(
        '--fill',
        type=float,
        nargs=2,
        metavar=('LOW', 'HIGH'),
        help='range of the larger side of an outfit, as a fraction of the image',
    )
    parser.add_argument('--overwrite', action='store_true', help='replace existing splits')
    parser.add_argument(
        '--preview', metavar='PNG', help='draw all categories with their landmarks numbered'
    )
    args = parser.parse_args(argv)
    if args.out is None and args.preview is None:
        parser.error('give --out, --preview or both')
    return args


def make(args: argparse.Namespace) -> None:
    """Make the splits and the preview that were asked for."""
    knobs = {name: getattr(args, name) for name in _KNOBS if getattr(args, name) is not None}
    if args.fill is not None:
        knobs['fill'] = tuple(args.fill)
    config = replace(GarmentConfig(size=args.size).at_difficulty(args.difficulty), **knobs)
    if args.preview:
        print(write_preview(args.preview, args.seed))
    for split, count in (('train', args.train), ('validation', args.val)):
        if args.out and count:
            folder = make_garments(
                args.out, split, count, config, args.seed, args.workers, args.overwrite
            )
            print(folder)


def main(argv: list[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    return run_tool(partial(make, parse_args(argv)))


if __name__ == '__main__':
    sys.exit(main())
