# SPDX-License-Identifier: Apache-2.0
"""Convert DeepFashion2's annotations, from and to any of their forms.

    python tools/dataset_converters/deepfashion2.py data/deepfashion2/train --to records
    python tools/dataset_converters/deepfashion2.py data/deepfashion2/val --to coco --out v.json
    python tools/dataset_converters/deepfashion2.py v.json --images photos --to native --out annos

The source is the folder of a split (image and annos in it), an annos folder, or a COCO file (.json,
.json.gz).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deepmark.apis.command_line import run_tool
from deepmark.datasets.convert_dataset import FORMS, Conversion, convert
from deepmark.datasets.problems import DatasetError, Kind

_LIBRARY_OPTION = "on_problem='warn'"


def parse_args() -> Conversion:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('source', type=Path, help='split folder, annos folder or COCO file')
    parser.add_argument(
        '--to',
        choices=FORMS,
        required=True,
        help='records: the cache that training maps into memory; coco: the official dense JSON; '
        'coco-compact: own-category landmarks only; native: one JSON file for each photo',
    )
    parser.add_argument(
        '--out', type=Path, help='file (coco) or new folder (native); records: folder of the cache'
    )
    parser.add_argument(
        '--visible-only', action='store_true', help='coco: write occluded landmarks as 0 0 0'
    )
    parser.add_argument('--schema', help='.yaml or .json file with your own categories')
    parser.add_argument(
        '--images',
        type=Path,
        dest='image_folder',
        metavar='FOLDER',
        help='the photos (default: image beside the annotations)',
    )
    parser.add_argument(
        '--no-image-check',
        action='store_false',
        dest='check_images',
        help='COCO source: do not ask for the photos',
    )
    parser.add_argument(
        '--workers', type=int, metavar='N', help='processes that read (default: all cores)'
    )
    parser.add_argument(
        '--verify', action='store_true', help='check the cache by the contents of the files'
    )
    parser.add_argument(
        '--on-problem',
        choices=['error', 'warn'],
        default='error',
        help='warn leaves broken garments out and counts them (default: %(default)s)',
    )
    parser.add_argument(
        '--allow-loss', action='store_true', help='native: drop what its files cannot hold'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace what is at --out')
    return Conversion(**vars(parser.parse_args()), progress=True)


def run(conversion: Conversion) -> None:
    """Convert, and print what was written.

    Raises:
        DatasetError: the annotations cannot be used; the message names this tool's options.
    """
    try:
        print(convert(conversion))
    except DatasetError as error:
        message = str(error).replace(_LIBRARY_OPTION, '--on-problem warn')
        if Kind.MISSING_IMAGE.title in message:
            message += '\n--images FOLDER says where the photos are; COCO sources can do without: '
            message += '--no-image-check'
        raise DatasetError(message) from error


def main() -> int:
    """Convert, print what was written, and return the exit code."""
    conversion = parse_args()
    return run_tool(lambda: run(conversion))


if __name__ == '__main__':
    sys.exit(main())
