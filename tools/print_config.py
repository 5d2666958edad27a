# SPDX-License-Identifier: Apache-2.0
r"""Print a config as it is after inheritance, or what differs between two.

Examples::

    python tools/print_config.py configs/deepmark_dla34_8xb5.py --out merged.py
    python tools/print_config.py --diff configs/deepmark_garments_128.py \
        configs/ablations/garments_grouped.py

A config is a file, or a name such as ``mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py``.

Exit code: 0 printed, 1 an error. With ``--exit-code``: 0 no difference, 1 a difference, 2 an error.
"""

from __future__ import annotations

import argparse
import sys

from mmengine.config import DictAction

from deepmark.apis.command_line import EXIT_ERROR, run_tool
from deepmark.apis.print_config import Difference, config_difference, read_config
from deepmark.atomic_write import atomic_write

EXIT_DIFFERENT = 1
EXIT_UNREAD = 2
PRINTED_WIDTH = 160  # when the output is no terminal


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('config', nargs='?', metavar='CONFIG', help='print this one')
    source.add_argument('--diff', nargs=2, metavar=('A', 'B'), help='print what differs')
    parser.add_argument(
        '--format',
        choices=['both', 'text', 'keys'],
        default='both',
        help="of --diff: the text as mmengine's Config.diff gives it, the dotted keys with both "
        'values, or one below the other (default: %(default)s)',
    )
    parser.add_argument(
        '--exit-code', action='store_true', help='with --diff: end with 1 when they differ'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='replace entries of CONFIG, or of B',
    )
    parser.add_argument(
        '--out', metavar='FILE', help='write it there instead; on stdout the hosts print as well'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace FILE')
    return parser.parse_args()


def print_config(args: argparse.Namespace) -> bool:
    """Print or write; gives whether there is a difference."""
    if args.diff is None:
        result = Difference(read_config(args.config, args.cfg_options).pretty_text.rstrip(), False)
    else:
        configs = read_config(args.diff[0]), read_config(args.diff[1], args.cfg_options)
        width = PRINTED_WIDTH if args.out or not sys.stdout.isatty() else None
        result = config_difference(tuple(args.diff), configs, args.format, width)
    if args.out is None:
        print(result.text)
    else:
        with atomic_write(args.out, args.overwrite) as file:
            file.write(f'{result.text}\n'.encode())
    return result.differs


def main() -> int:
    """Print, and return the exit code."""
    args = parse_args()
    differs: list[bool] = []
    code = run_tool(lambda: differs.append(print_config(args)))
    if not args.exit_code or code not in (0, EXIT_ERROR):
        return code
    return EXIT_UNREAD if code else EXIT_DIFFERENT * any(differs)


if __name__ == '__main__':
    sys.exit(main())
