# SPDX-License-Identifier: Apache-2.0
"""Count parameters and operations: ``python tools/analysis_tools/get_flops.py CONFIG``.

A multiply-add counts twice; mmdet's own tool counts it once. Needs no data.
"""

from __future__ import annotations

import argparse
import sys

from mmengine.config import Config, DictAction

from deepmark.analysis import config_complexity
from deepmark.apis.command_line import run_tool
from deepmark.apis.preflight import require_config_file


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Count parameters and operations of a model.')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--shape',
        type=int,
        nargs=2,
        metavar=('W', 'H'),
        help="size of the input (default: the test pipeline's)",
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='replace config entries',
    )
    return parser.parse_args()


def count(args: argparse.Namespace) -> None:
    """Count and print."""
    require_config_file(args.config)
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options or {})
    parameters, flops, (width, height) = config_complexity(cfg, args.shape and tuple(args.shape))
    print(f'input       {width} x {height}')
    print(f'parameters  {parameters / 1e6:.1f} M ({parameters})')
    print(f'operations  {flops / 1e9:.1f} GFLOPs ({flops}), a multiply-add counted twice')


def main() -> int:
    """Count, and return the exit code."""
    args = parse_args()
    return run_tool(lambda: count(args))


if __name__ == '__main__':
    sys.exit(main())
