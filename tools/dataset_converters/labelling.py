# SPDX-License-Identifier: Apache-2.0
"""Label garments in CVAT or Label Studio: ``labelling.py {config,export,import}``.

The labels of the 13 categories (or of your own, ``--schema``), existing annotations as a start, and
the result as a COCO file that DeepFashion2Dataset reads. Example::

    T=tools/dataset_converters/labelling.py
    python $T config --tool cvat --out labels.json
    python $T export data/DeepFashion2/validation --tool cvat --out annotations.xml
    python $T import task.zip --tool cvat --out labelled.json
"""

from __future__ import annotations

import argparse
import sys

from deepmark.apis.command_line import run_tool
from deepmark.labelling import (
    TOOLS,
    ImportOptions,
    export_annotations,
    import_annotations,
    write_configuration,
)
from deepmark.labelling.label_studio_tasks import LOCAL_FILES


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Label garments in CVAT or Label Studio.',
        epilog='example: python tools/dataset_converters/labelling.py config --tool cvat '
        '--out labels.json',
    )
    actions = parser.add_subparsers(dest='action', required=True)
    config = actions.add_parser('config', help="write the tool's labels")
    export = actions.add_parser('export', help='write annotations for the tool, to be corrected')
    export.add_argument('source', help="a split's folder, its annos folder, or a COCO file")
    export.add_argument(
        '--image-url',
        default=LOCAL_FILES,
        help="Label Studio: in front of the images' names (default: %(default)s)",
    )
    read = actions.add_parser('import', help='write what the tool exported as a COCO file')
    read.add_argument(
        'source',
        metavar='FILE',
        help="CVAT: 'CVAT for images 1.1' or 'COCO Keypoints 1.0' (.zip, .xml, .json); Label "
        'Studio: JSON',
    )
    read.add_argument(
        '--layout',
        choices=['compact', 'dense'],
        default='compact',
        help='own landmarks, or the official slots of all categories (default: %(default)s)',
    )
    read.add_argument(
        '--predictions',
        action='store_true',
        help='Label Studio: read the pre-annotations of tasks that nobody has annotated',
    )
    for action in (export, read):
        action.add_argument('--images', metavar='DIR', help='folder of the photos')
    for action in (config, export, read):
        action.add_argument('--tool', choices=TOOLS, required=True)
        action.add_argument('--out', metavar='FILE', required=True)
        action.add_argument('--schema', help='your own categories (.yaml, .json)')
        action.add_argument('--overwrite', action='store_true', help='replace FILE')
    return parser.parse_args()


def convert(args: argparse.Namespace) -> None:
    """Do what was asked for, and say what was written."""
    if args.action == 'config':
        write_configuration(args.tool, args.out, args.schema, args.overwrite)
        print(args.out)
    elif args.action == 'export':
        count = export_annotations(
            args.tool,
            args.source,
            args.out,
            args.schema,
            args.images,
            args.image_url,
            args.overwrite,
        )
        print(f'{args.out}: {count} garments')
    else:
        options = ImportOptions(
            args.schema, args.images, args.predictions, args.layout, args.overwrite
        )
        imported = import_annotations(args.tool, args.source, args.out, options)
        packed = imported.packed
        print(f'{args.out}: {packed.num_images} images, {packed.num_items} garments')
        for note in imported.notes:
            print(note, file=sys.stderr)


def main() -> int:
    """Convert, and return the exit code."""
    args = parse_args()
    return run_tool(lambda: convert(args))


if __name__ == '__main__':
    sys.exit(main())
