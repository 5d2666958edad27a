# SPDX-License-Identifier: Apache-2.0
"""Measure a training step: ``python tools/analysis_tools/measure_memory.py CONFIG``.

Peak memory of one step on drawn data, in this process; start it once for each figure. Precision and
activation checkpointing are the config's unless switched here. Hourglass-104 at 512 x 512 takes
several GB and, on two CPU cores, about a minute.
"""

from __future__ import annotations

import argparse
import sys

from mmengine.config import Config, ConfigDict

from deepmark.analysis.arguments import config_of, config_parser, shape_of
from deepmark.analysis.memory import measure_training_step
from deepmark.apis.command_line import run_tool
from deepmark.apis.train import AUTOCAST_WRAPPER
from deepmark.engine import RunError
from deepmark.engine.autocast_optim_wrapper import DTYPES


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = config_parser('Measure the peak memory of a training step.')
    parser.add_argument('--batch-size', type=int, default=1, help='(default: %(default)s)')
    precisions = [name for name in DTYPES if name is not None]
    parser.add_argument('--amp', choices=precisions, help="precision (default: the config's)")
    parser.add_argument(
        '--activation-checkpointing',
        action=argparse.BooleanOptionalAction,
        help="recompute the config's activation_checkpointing in the backward pass, or not",
    )
    return parser.parse_args()


def load_config(args: argparse.Namespace) -> Config:
    """Read the config and lay the switches over it."""
    cfg = config_of(args)
    if cfg.get('model') is None or cfg.get('optim_wrapper') is None:
        raise RunError(f'{args.config}: the config has no model or no optim_wrapper')
    if args.amp:
        cfg.optim_wrapper.update(type=AUTOCAST_WRAPPER, dtype=args.amp)
    if args.activation_checkpointing is False:
        cfg.activation_checkpointing = None
    if args.activation_checkpointing and not cfg.get('activation_checkpointing'):
        raise RunError(
            '--activation-checkpointing: the config names no modules; give '
            '--cfg-options activation_checkpointing="[backbone.x,...]"'
        )
    return cfg


def precision_of(optim_wrapper: ConfigDict) -> str:
    """The dtype, or the wrapper that decides it."""
    if optim_wrapper.type == AUTOCAST_WRAPPER:
        return optim_wrapper.get('dtype', 'bfloat16') or 'float32'
    return optim_wrapper.type


def measure(args: argparse.Namespace) -> None:
    """Measure and print."""
    cfg = load_config(args)
    meter, before, peak = measure_training_step(cfg, args.batch_size, shape_of(args))
    checkpointed = cfg.get('activation_checkpointing')
    print(f'images          {args.batch_size}')
    print(f'precision       {precision_of(cfg.optim_wrapper)}')
    print(f'checkpointing   {"on" if checkpointed else "off"}')
    print(f'before the step {before / 1e6:.0f} MB ({meter})')
    print(f'peak            {peak / 1e6:.0f} MB')
    print(f'step            {(peak - before) / 1e6:.0f} MB: activations and gradients')


def main() -> int:
    """Measure, and return the exit code."""
    args = parse_args()
    return run_tool(lambda: measure(args))


if __name__ == '__main__':
    sys.exit(main())
