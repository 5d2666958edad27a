# SPDX-License-Identifier: Apache-2.0
"""See what the network gets: ``python tools/analysis/browse_dataset.py CONFIG``.

Images of the config's data set after its pipeline, with boxes and landmarks in the input's pixels:
contact sheets (PNG) and one HTML page. Example::

    python tools/analysis/browse_dataset.py configs/deepmark_garments_small.py --original

The augmentation's spread on two images, and the heatmaps that the loss sees::

    python tools/analysis/browse_dataset.py CONFIG --indices 3 8 --repeat 12 --targets centers
"""

from __future__ import annotations

import argparse
import sys

from mmengine.config import DictAction

from deepmark.analysis.browse_dataset import BrowseOptions, run_browse
from deepmark.apis.command_line import run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Draw samples of a data set as the network gets them.',
        epilog='example: python tools/analysis/browse_dataset.py '
        'configs/deepmark_garments_small.py --original --targets centers',
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--split', choices=['train', 'val', 'test'], default='train', help='(default: %(default)s)'
    )
    parser.add_argument('--count', type=int, default=24, help='images (default: %(default)s)')
    parser.add_argument(
        '--seed', type=int, default=0, help='of choice and augmentation (default: %(default)s)'
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument('--start', type=int, help='take the images from this one on')
    which.add_argument('--indices', type=int, nargs='+', default=[], help='take these images')
    parser.add_argument(
        '--repeat', type=int, default=1, metavar='N', help='show each image N times'
    )
    parser.add_argument(
        '--original', action='store_true', help="show the photo too, with the input's frame in it"
    )
    parser.add_argument(
        '--targets', choices=['centers', 'landmarks'], help='show the heatmaps that the loss sees'
    )
    parser.add_argument(
        '--cell', type=_positive, default=384, metavar='PIXELS', help='side of a picture'
    )
    parser.add_argument('--out', metavar='DIR', help='(default: work_dirs/<config>/browse_<split>)')
    parser.add_argument('--overwrite', action='store_true', help='replace earlier files')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='replace config entries',
    )
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{number} is less than 1')
    return number


def browse(args: argparse.Namespace) -> None:
    """Draw, and name the files."""
    options = BrowseOptions(
        config=args.config,
        split=args.split,
        count=args.count,
        seed=args.seed,
        start=args.start,
        indices=args.indices,
        repeat=args.repeat,
        original=args.original,
        targets=args.targets,
        cell=args.cell,
        out_dir=args.out,
        cfg_options=args.cfg_options,
        overwrite=args.overwrite,
    )
    for file in run_browse(options):
        print(file)


def main() -> int:
    """Draw, and return the exit code."""
    args = parse_args()
    return run_tool(lambda: browse(args))


if __name__ == '__main__':
    sys.exit(main())
