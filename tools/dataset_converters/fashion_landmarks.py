# SPDX-License-Identifier: Apache-2.0
r"""Convert FLD or DeepFashion-C between its raw lists and mmpose's COCO-style files.

Examples::

    python tools/dataset_converters/fashion_landmarks.py to-coco data/fld data/fld/annotations
    python tools/dataset_converters/fashion_landmarks.py to-lists data/fld \
        --train upper_train.json lower_train.json --test upper_test.json --prefix img/
"""

from __future__ import annotations

import argparse
import sys

from deepmark.apis.command_line import run_tool
from deepmark.datasets.fashion_coco import SUBSETS
from deepmark.datasets.fashion_conversion import coco_to_lists, lists_to_coco
from deepmark.datasets.fashion_records import BENCHMARKS, SPLITS


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Convert FLD or DeepFashion-C between raw lists and mmpose's COCO-style files.",
        epilog='example: %(prog)s to-coco data/fld data/fld/annotations --subsets upper lower full',
    )
    commands = parser.add_subparsers(dest='command', required=True)
    to_coco = commands.add_parser('to-coco', help='lists to COCO-style files')
    to_coco.add_argument('root', help='folder of the benchmark: Anno, Eval and the images')
    to_coco.add_argument('out', help='folder of the files, BENCHMARK_SUBSET_SPLIT.json')
    to_coco.add_argument('--benchmark', choices=BENCHMARKS, default='fld')
    to_coco.add_argument(
        '--subsets',
        nargs='+',
        choices=SUBSETS,
        default=['all'],
        help='types of clothes, a file each (default: one file with all)',
    )
    to_lists = commands.add_parser('to-lists', help='COCO-style files to lists')
    to_lists.add_argument('root', help='where Anno and Eval are written')
    for split in SPLITS:
        to_lists.add_argument(f'--{split}', nargs='+', default=[], metavar='JSON')
    to_lists.add_argument('--prefix', default='', help="put in front of image names ('img/')")
    for command in (to_coco, to_lists):
        command.add_argument(
            '--on-problem',
            choices=['error', 'warn'],
            default='error',
            help='stop at annotations that cannot be right, or leave them out',
        )
        command.add_argument('--overwrite', action='store_true', help='replace existing files')
    return parser.parse_args(argv)


def convert(args: argparse.Namespace) -> None:
    """Convert, and print what was written."""
    if args.command == 'to-coco':
        written = lists_to_coco(
            args.root, args.out, args.benchmark, args.subsets, args.on_problem, args.overwrite
        )
    else:
        files = {split: getattr(args, split) for split in SPLITS}
        lists = coco_to_lists(files, args.root, args.prefix, args.on_problem, args.overwrite)
        written = [lists.boxes, lists.landmarks, lists.partition]
    print(*written, sep='\n')


def main(argv: list[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    args = parse_args(argv)
    return run_tool(lambda: convert(args))


if __name__ == '__main__':
    sys.exit(main())
