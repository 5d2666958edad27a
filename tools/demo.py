# SPDX-License-Identifier: Apache-2.0
"""Draw garments, train the small network on them, evaluate it and show what it finds.

    python tools/demo.py

writes work_dirs/demo/{metrics.json,contact_sheet.png,curves.png,real_photo/}.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmengine.config import DictAction

from deepmark.apis.command_line import run_tool
from deepmark.apis.demo import run_demo

ROOT = Path(__file__).resolve().parents[1]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--config', default=str(ROOT / 'configs' / 'deepmark_garments_small.py'))
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'))
    parser.add_argument('--train', type=int, default=2700, metavar='N', help='training images')
    parser.add_argument('--val', type=int, default=300, metavar='N', help='held-out images')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='replace config entries',
    )
    return parser.parse_args()


def main() -> int:
    """Run the demo; return the exit code."""
    args = parse_args()
    return run_tool(
        lambda: run_demo(args.config, args.work_dir, args.train, args.val, args.cfg_options)
    )


if __name__ == '__main__':
    sys.exit(main())
