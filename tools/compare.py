# SPDX-License-Identifier: Apache-2.0
r"""Train and test several configs under the same budget and compare them.

Example::

    python tools/compare.py configs/deepmark_garments_small.py configs/baselines/garments_*.py \
        --budget-minutes 4

writes ``work_dirs/compare/results.{json,md,csv}`` and pictures. Interrupt it when you like: the
same command goes on. ``CONFIG=WORK_DIR`` and ``CONFIG=CHECKPOINT`` test what is trained already.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from mmengine.config import DictAction

from deepmark.comparison.plan import CompareOptions
from deepmark.comparison.results import Budget
from deepmark.comparison.runs import run_comparison


def make_parser() -> argparse.ArgumentParser:
    """The switches."""
    parser = argparse.ArgumentParser(
        description='Train and test several configs under the same budget and compare them.'
    )
    parser.add_argument(
        'items', nargs='+', metavar='CONFIG[=WEIGHTS]',
        help='a config to train and test; with a work directory or checkpoint, only to test',
    )  # fmt: skip
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument(
        '--budget-minutes', type=float, metavar='N', help='of training steps, for each training'
    )
    budget.add_argument('--epochs', type=int, metavar='N', help='passes over the training set')
    parser.add_argument('--seeds', type=int, default=3, help='trainings of each config (3)')
    parser.add_argument(
        '--evaluations', type=int, default=1, metavar='N',
        help='evenly spaced in each training, for curves; the last is the test (1)',
    )  # fmt: skip
    parser.add_argument(
        '--data', default='garments', metavar='garments|deepfashion2|DIR',
        help="drawn garments (default; drawn when missing), the configs' own roots, or a folder",
    )  # fmt: skip
    parser.add_argument('--out', type=Path, default=Path('work_dirs/compare'), metavar='DIR')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE',
        help='replace entries of all configs',
    )  # fmt: skip
    parser.add_argument('--from-scratch', action='store_true', help='no pre-trained weights')
    parser.add_argument('--timing-rounds', type=int, default=5, metavar='N')
    parser.add_argument('--no-timing', action='store_true', help='do not time predictions')
    parser.add_argument('--retry-failed', action='store_true', help='try failed runs again')
    parser.add_argument(
        '--stall-minutes', type=float, default=30, metavar='N',
        help='end a run that shows no sign of life for so long (30)',
    )  # fmt: skip
    parser.add_argument(
        '--overwrite', action='store_true',
        help='run anew what an earlier call in the same folder ran with other settings',
    )  # fmt: skip
    return parser


def main(argv: list[str] | None = None) -> int:
    """Compare, and return the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    args = make_parser().parse_args(argv)
    options = CompareOptions(
        items=args.items,
        budget=Budget(minutes=args.budget_minutes, epochs=args.epochs),
        seeds=args.seeds,
        evaluations=args.evaluations,
        data=args.data,
        out=args.out,
        cfg_options=args.cfg_options or {},
        from_scratch=args.from_scratch,
        timing_rounds=0 if args.no_timing else args.timing_rounds,
        retry_failed=args.retry_failed,
        overwrite=args.overwrite,
        stall_minutes=args.stall_minutes,
        command=shlex.join(['python', 'tools/compare.py', *argv]),
    )
    return run_comparison(options)


if __name__ == '__main__':
    sys.exit(main())
