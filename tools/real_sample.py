# SPDX-License-Identifier: Apache-2.0
"""Learn two real photos of DeepFashion2 by heart and show what is found on them.

    python tools/real_sample.py --data FOLDER

FOLDER holds the photos and their official annotations, ``annotations_coco.json``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deepmark.apis.command_line import run_tool
from deepmark.apis.experiment import run_experiment

ROOT = Path(__file__).resolve().parents[1]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--data', required=True, help='folder of photos and annotations_coco.json')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/real_sample'))
    return parser.parse_args()


def main() -> int:
    """Train, evaluate, draw; return the exit code."""
    args = parse_args()
    options = {
        f'{loader}_dataloader.dataset.data_root': args.data for loader in ('train', 'val', 'test')
    }
    config = str(ROOT / 'configs' / 'deepmark_real_sample.py')
    return run_tool(lambda: run_experiment(config, args.work_dir, options, pictures=2))


if __name__ == '__main__':
    sys.exit(main())
