# SPDX-License-Identifier: Apache-2.0
"""Draw a DAFE neck's attention over photos.

    python tools/analysis/show_attention.py CONFIG CHECKPOINT IMAGE ... --out attention.png

One PNG: for each photo the landmarks found, for each step of the neck the spatial attention over
the photo (mean and the channels that vary most) and the channel attention. Works for detectors of
mmdet and for top-down models of mmpose, which look at one box (--box, else the whole photo).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deepmark.analysis.attention import attention_reader
from deepmark.apis.command_line import run_tool
from deepmark.atomic_write import refuse_existing
from deepmark.engine.errors import RunError
from deepmark.visualization.attention_maps import write_attention


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Draw a DAFE neck's attention over photos.",
        epilog='example: python tools/analysis/show_attention.py '
        'configs/deepmark_garments_small_dafe.py epoch_3.pth photo.jpg --out attention.png',
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='weights')
    parser.add_argument('images', nargs='+', type=Path, metavar='IMAGE', help='photos')
    parser.add_argument(
        '--out', default='attention.png', metavar='FILE', help='(default: %(default)s)'
    )
    parser.add_argument(
        '--channels',
        type=int,
        default=4,
        help='single channels beside the mean of all (default: %(default)s)',
    )
    parser.add_argument(
        '--score-thr',
        type=float,
        default=0.3,
        help='lowest score that is drawn (default: %(default)s)',
    )
    parser.add_argument(
        '--box',
        type=float,
        nargs=4,
        metavar=('X1', 'Y1', 'X2', 'Y2'),
        help="top-down models: the garment's box in each photo (default: the whole photo)",
    )
    parser.add_argument('--category', help='top-down models of several categories: the garment')
    parser.add_argument('--device', help='such as cpu or cuda:0 (default: a GPU if there is one)')
    parser.add_argument('--overwrite', action='store_true', help='replace FILE')
    return parser.parse_args()


def show(args: argparse.Namespace) -> None:
    """Predict, and draw."""
    if args.channels < 0:
        raise RunError(f'--channels {args.channels}: must be 0 or more')
    refuse_existing(args.out, args.overwrite)
    reader = attention_reader(args.config, args.checkpoint, args.device, args.box, args.category)
    photos = [reader.read(image, args.score_thr) for image in args.images]
    title = f'attention of the DAFE neck: {Path(args.config).stem}, {Path(args.checkpoint).name}'
    write_attention(args.out, photos, args.channels, title, args.overwrite)
    print(args.out)


def main() -> int:
    """Draw, and return the exit code."""
    args = parse_args()
    return run_tool(lambda: show(args))


if __name__ == '__main__':
    sys.exit(main())
