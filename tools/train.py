# SPDX-License-Identifier: Apache-2.0
"""Train a detector: ``python tools/train.py CONFIG``, with mmdet's switches."""

from __future__ import annotations

import argparse
import os

from mmengine.config import DictAction

from deepmark.apis.command_line import run_tool
from deepmark.apis.train import AUTO_RESUME, TrainOptions, run_training
from deepmark.engine.cpu_process_group import exit_process


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Train a detector.')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--work-dir',
        help='folder for logs and checkpoints (default: the '
        "config's work_dir, else work_dirs/NAME_OF_CONFIG)",
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision, on CPU and GPU')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by the total batch size',
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const=AUTO_RESUME,
        metavar='CHECKPOINT',
        help='go on from this checkpoint, or from the newest one in the work '
        'directory when none is given',
    )
    parser.add_argument(
        '--from-scratch',
        action='store_true',
        help='no start weights: leave out load_from and every Pretrained init_cfg, and let the '
        'layers that they froze learn; give it again with --resume',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='replace config entries, such as train_cfg.max_epochs=3 or key="[a,b]" (no spaces)',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='who starts the processes',
    )
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0, help='given by older launchers'
    )
    return parser.parse_args()


def main() -> int:
    """Train, and return the exit code."""
    args = parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    options = TrainOptions(
        config=args.config,
        work_dir=args.work_dir,
        amp=args.amp,
        auto_scale_lr=args.auto_scale_lr,
        resume=args.resume,
        cfg_options=args.cfg_options,
        launcher=args.launcher,
        from_scratch=args.from_scratch,
    )
    return run_tool(lambda: run_training(options))


if __name__ == '__main__':
    exit_process(main())
