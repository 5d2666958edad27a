# SPDX-License-Identifier: Apache-2.0
"""Count parameters and operations: ``python tools/analysis_tools/get_flops.py CONFIG``.

A multiply-add counts twice; mmdet's own tool counts it once. Needs no data.
"""

from __future__ import annotations

import argparse
import sys

from deepmark.analysis import config_complexity
from deepmark.analysis.arguments import config_of, config_parser, shape_of
from deepmark.apis.command_line import run_tool


def count(args: argparse.Namespace) -> None:
    """Count and print."""
    parameters, flops, (width, height) = config_complexity(config_of(args), shape_of(args))
    print(f'input       {width} x {height}')
    print(f'parameters  {parameters / 1e6:.1f} M ({parameters})')
    print(f'operations  {flops / 1e9:.1f} GFLOPs ({flops}), a multiply-add counted twice')


def main() -> int:
    """Count, and return the exit code."""
    args = config_parser('Count parameters and operations of a model.').parse_args()
    return run_tool(lambda: count(args))


if __name__ == '__main__':
    sys.exit(main())
