# SPDX-License-Identifier: Apache-2.0
"""The command-line arguments that the tools for a single config share."""

from __future__ import annotations

import argparse

from mmengine.config import Config, DictAction

from deepmark.apis.preflight import require_config_file


def config_parser(description: str) -> argparse.ArgumentParser:
    """A parser of ``config``, ``--shape W H`` and ``--cfg-options``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--shape',
        type=int,
        nargs=2,
        metavar=('W', 'H'),
        help="size of the input (default: the pipeline's)",
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='replace config entries',
    )
    return parser


def config_of(args: argparse.Namespace) -> Config:
    """Read the config and lay ``--cfg-options`` over it.

    Raises:
        RunError: The config is not there.
    """
    require_config_file(args.config)
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options or {})
    return cfg


def shape_of(args: argparse.Namespace) -> tuple[int, int] | None:
    """``--shape`` as (width, height), None when it was not given."""
    return None if args.shape is None else (args.shape[0], args.shape[1])
