# SPDX-License-Identifier: Apache-2.0
"""Check a data set before training on it, and count what it holds.

Examples::

    python tools/check_dataset.py data/deepfashion2
    python tools/check_dataset.py val.json --images data/deepfashion2/validation/image

The first checks all splits below the folder, the second a COCO file. What is wrong is listed by
file and key; ``report.json`` has it all, ``statistics.png`` shows the counts. Nothing is written
beside the data.

Exit code: 0 no errors (warnings are no errors), 1 errors in the data, 2 bad arguments or nothing
to read.
"""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from deepmark.apis.check_dataset import DEFAULT_OUT, CheckOptions, check_dataset
from deepmark.apis.command_line import EXIT_ERROR, run_tool
from deepmark.datasets.check import CheckReport

EXIT_NOTHING_READ = 2
PRINTED_WIDTH = 120  # when the output is no terminal


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'source',
        metavar='SOURCE',
        help='root of a data set, folder of a split (image/ and annos/), annos folder, or COCO '
        'file (.json, .json.gz)',
    )
    parser.add_argument(
        '--images', metavar='FOLDER', help="the photos (default: 'image' beside the annotations)"
    )
    parser.add_argument('--schema', metavar='FILE', help='categories (default: DeepFashion2)')
    parser.add_argument(
        '--out', metavar='DIR', help=f'folder of the report (default: {DEFAULT_OUT}/NAME)'
    )
    parser.add_argument(
        '--open-images',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='read each image file: size, truncation, equal files (default: yes)',
    )
    parser.add_argument(
        '--workers',
        type=_positive,
        metavar='N',
        help='processes for annotations and threads for images (default: cores, 8)',
    )
    parser.add_argument(
        '--max-listed',
        type=_count,
        default=20,
        metavar='N',
        help='places printed of each kind (default: %(default)s)',
    )
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier report')
    return parser.parse_args(argv)


def check(args: argparse.Namespace) -> list[CheckReport]:
    """Check what was asked for."""
    options = CheckOptions(
        image_folder=args.images,
        schema=args.schema,
        out=args.out,
        open_images=args.open_images,
        workers=args.workers,
        max_listed=args.max_listed,
        overwrite=args.overwrite,
    )
    console = Console(width=None if sys.stdout.isatty() else PRINTED_WIDTH)
    return check_dataset(args.source, options, console)


def main(argv: list[str] | None = None) -> int:
    """Check, and return the exit code."""
    args = parse_args(argv)
    reports: list[CheckReport] = []
    code = run_tool(lambda: reports.extend(check(args)))
    if code:
        return EXIT_NOTHING_READ if code == EXIT_ERROR else code
    return EXIT_ERROR if any(report.has_errors for report in reports) else 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{number} is less than 1')
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f'{number} is negative')
    return number


if __name__ == '__main__':
    sys.exit(main())
