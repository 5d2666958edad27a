# SPDX-License-Identifier: Apache-2.0
"""Make a data set of drawn garments in DeepFashion2's own format.

    python tools/make_garments.py --out data/garments --train 1500 --val 300

writes ``data/garments/train`` and ``data/garments/validation`` (image/*.jpg and annos/*.json).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from deepmark.datasets.garments import GarmentConfig, make_garments
from deepmark.datasets.garments.config import DIFFICULTIES
from deepmark.datasets.garments.preview import write_preview

_RATES = ("flat", "side", "back", "second_person", "close_up", "occluders", "clutter", "plain")


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", help="root of the data set")
    parser.add_argument("--train", type=int, default=1500, metavar="N", help="training images")
    parser.add_argument("--val", type=int, default=300, metavar="N", help="validation images")
    parser.add_argument("--size", type=int, default=256, help="side of the images in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, help="processes (default: one per core)")
    parser.add_argument("--difficulty", choices=list(DIFFICULTIES), default="medium")
    for name in _RATES:
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, help=f"see GarmentConfig.{name}")
    parser.add_argument("--overwrite", action="store_true", help="replace existing splits")
    parser.add_argument("--preview", metavar="PNG", help="draw all categories with numbered landmarks")
    args = parser.parse_args(argv)
    if args.out is None and args.preview is None:
        parser.error("give --out, --preview or both")
    return args


def main(argv: list[str] | None = None) -> int:
    """Make the splits and the preview that were asked for."""
    args = parse_args(argv)
    rates = {name: getattr(args, name) for name in _RATES if getattr(args, name) is not None}
    try:
        config = replace(GarmentConfig(size=args.size).at_difficulty(args.difficulty), **rates)
        if args.preview:
            print(write_preview(args.preview, args.seed))
        for split, count in (("train", args.train), ("validation", args.val)):
            if args.out and count:
                print(make_garments(
                    args.out, split, count, config, args.seed, args.workers, args.overwrite
                ))  # fmt: skip
    except (FileExistsError, ValueError) as error:
        print(f"make_garments: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
