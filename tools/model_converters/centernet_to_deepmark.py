# SPDX-License-Identifier: Apache-2.0
"""Convert a public checkpoint: ``python tools/model_converters/centernet_to_deepmark.py SRC DST``.

SRC is a checkpoint of CenterNet (Hourglass or DLA-34 with deformable up-sampling; detection of 80
classes, poses of 17 joints, or DeepMark's own heads), or ImageNet weights of DLA with timm's keys.
DST can be given as ``load_from``. Every weight is listed as carried over, dropped, or left at its
initial value (heatmap biases: -2.19); a key that is not known, or another shape, is an error.

For the configs: ctdet_coco_hg.pth becomes checkpoints/hg104_coco.pth, and ctdet_coco_dla_2x.pth
checkpoints/dla34_coco.pth.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import DictAction

from deepmark.apis.command_line import run_tool
from deepmark.converters import ConvertOptions, convert_checkpoint

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


class KeyValueAction(DictAction):
    """mmengine's action, whose faults are told like argparse's own."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Lay KEY=VALUE pairs into a dict, or end with the usage."""
        try:
            super().__call__(parser, namespace, values, option_string)
        except (ValueError, AssertionError) as error:  # without =, unbalanced brackets
            given = ' '.join(map(str, values or ()))
            parser.error(f'{option_string}: expected KEY=VALUE ..., got {given} ({error})')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Convert a checkpoint of CenterNet or timm.')
    parser.add_argument('source', metavar='SRC', type=Path, help='checkpoint file')
    parser.add_argument('target', metavar='DST', type=Path, help='file to write')
    parser.add_argument(
        '--config',
        type=Path,
        help='config whose model the weights are for (default: by the checkpoint, '
        'configs/deepmark_hg104_8xb37.py or configs/deepmark_dla34_8xb37.py)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=KeyValueAction,
        default={},
        metavar='KEY=VALUE',
        help='replace config entries, such as model.bbox_head.feat_channels=64',
    )
    parser.add_argument('--overwrite', action='store_true', help='replace an existing DST')
    return parser.parse_args()


def main() -> int:
    """Convert, and return the exit code."""
    args = parse_args()
    options = ConvertOptions(
        source=args.source,
        target=args.target,
        config_folder=CONFIGS,
        config=args.config,
        cfg_options=args.cfg_options,
        overwrite=args.overwrite,
    )
    return run_tool(lambda: convert_checkpoint(options))


if __name__ == '__main__':
    sys.exit(main())
