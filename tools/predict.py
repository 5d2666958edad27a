# SPDX-License-Identifier: Apache-2.0
"""Predict images and videos: ``python tools/predict.py CONFIG CHECKPOINT INPUT [INPUT ...]``.

The exit code is 1 when any input failed; the others are predicted all the same.
"""

from __future__ import annotations

import argparse
import sys

from deepmark.apis.command_line import EXIT_ERROR, run_tool
from deepmark.apis.predict import PredictOptions, run_predict


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Find garments and their landmarks.')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        'inputs',
        nargs='+',
        metavar='INPUT',
        help='image, folder (with all below it), glob in quotes, video, or number of a webcam',
    )
    parser.add_argument(
        '--out-dir',
        default='predictions',
        help='folder for vis/ (pictures) and preds/ (JSON) (default: %(default)s)',
    )
    parser.add_argument(
        '--score-thr', type=float, default=0.3, help='lowest score (default: %(default)s)'
    )
    parser.add_argument('--device', help='cpu, cuda:0, ... (default: a GPU when there is one)')
    parser.add_argument(
        '--batch-size', type=int, default=1, help='images at once (default: %(default)s)'
    )
    parser.add_argument(
        '--tta', action='store_true', help="the config's test-time augmentation: flip and scales"
    )
    parser.add_argument(
        '--max-frames', type=int, help='stop each video after so many frames (webcam: or Ctrl-C)'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace earlier outputs')
    parser.add_argument('--no-vis', action='store_true', help='write no pictures')
    parser.add_argument('--no-json', action='store_true', help='write no JSON')
    return parser.parse_args()


def main() -> int:
    """Predict, and return the exit code."""
    args = parse_args()
    options = PredictOptions(
        config=args.config,
        checkpoint=args.checkpoint,
        inputs=args.inputs,
        out_dir=args.out_dir,
        score_thr=args.score_thr,
        device=args.device,
        batch_size=args.batch_size,
        tta=args.tta,
        max_frames=args.max_frames,
        overwrite=args.overwrite,
        write_pictures=not args.no_vis,
        write_predictions=not args.no_json,
    )
    failed = False

    def predict() -> None:
        nonlocal failed
        failed = bool(run_predict(options).failures)

    return run_tool(predict) or (EXIT_ERROR if failed else 0)


if __name__ == '__main__':
    sys.exit(main())
