# SPDX-License-Identifier: Apache-2.0
"""Test a checkpoint: ``python tools/test.py CONFIG CHECKPOINT``, with mmdet's switches."""

from __future__ import annotations

import argparse
import os

from mmengine.config import DictAction

from deepmark.apis.command_line import run_tool
from deepmark.apis.test import TestOptions, run_test
from deepmark.engine.cpu_process_group import exit_process


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Test a detector and print its metrics.')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--work-dir',
        help="folder for the log (default: the config's work_dir, else work_dirs/NAME_OF_CONFIG)",
    )
    parser.add_argument('--out', metavar='FILE.pkl', help='write all predictions to a pickle file')
    parser.add_argument('--show', action='store_true', help='show each picture in a window')
    parser.add_argument(
        '--show-dir',
        metavar='FOLDER',
        help='write the painted pictures there '
        '(inside work_dir/START_OF_RUN/ when the path is relative)',
    )
    parser.add_argument('--wait-time', type=float, default=2, help='seconds that a window stays')
    parser.add_argument(
        '--submission',
        metavar='FILE.json',
        help='predict the unlabelled photos of the test split and write them there in the official '
        'layout (.json or .json.gz); nothing is computed',
    )
    parser.add_argument(
        '--test-images',
        metavar='FOLDER',
        help="the photos for --submission (default: test/image in the data_root of the config's "
        'test data set)',
    )
    parser.add_argument('--overwrite', action='store_true', help='replace the file of --submission')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='replace config entries, such as model.test_cfg.max_per_img=50 or '
        'key="[a,b]" (no spaces)',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='who starts the processes',
    )
    parser.add_argument('--tta', action='store_true', help="the config's test-time augmentation")
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0, help='given by older launchers'
    )
    return parser.parse_args()


def main() -> int:
    """Test, and return the exit code."""
    args = parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    options = TestOptions(
        config=args.config,
        checkpoint=args.checkpoint,
        work_dir=args.work_dir,
        out=args.out,
        show=args.show,
        show_dir=args.show_dir,
        wait_time=args.wait_time,
        tta=args.tta,
        submission=args.submission,
        test_images=args.test_images,
        overwrite=args.overwrite,
        cfg_options=args.cfg_options,
        launcher=args.launcher,
    )
    return run_tool(lambda: run_test(options))


if __name__ == '__main__':
    exit_process(main())
