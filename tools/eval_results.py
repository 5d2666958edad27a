# SPDX-License-Identifier: Apache-2.0
"""Score anybody's results: ``python tools/eval_results.py GT RESULTS``. No model is needed."""

from __future__ import annotations

import argparse
import sys

from deepmark.apis.command_line import run_tool
from deepmark.apis.eval_results import EvalOptions, check_results, eval_results

EXAMPLES = """\
examples:
  python tools/eval_results.py data/DeepFashion2/validation/annos results.json --out metrics.json
  python tools/eval_results.py keypoints_val_vis_and_occ.json.gz results.json.gz --slots own_slots
  python tools/eval_results.py --check-only submission.json

Results are a JSON list of {image_id, category_id, bbox [x, y, w, h], score, keypoints}; keypoints
are x, y, v of all 294 landmarks, or of the category's own. Files may be gzipped (.json.gz).
"""


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Score a result file in the official layout: boxes, landmarks (visible and '
        'occluded; visible alone), per category and per attribute.',
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'gt',
        nargs='?',
        metavar='GT',
        help="truth: an official annotation file, or DeepFashion2's folder, such as "
        'validation/annos; not needed with --check-only',
    )
    parser.add_argument('results', metavar='RESULTS', help='result file, .json or .json.gz')
    parser.add_argument('--out', metavar='FILE.json', help='write the figures there')
    parser.add_argument('--overwrite', action='store_true', help='replace FILE.json')
    parser.add_argument(
        '--backend',
        choices=['auto', 'fast', 'pycocotools'],
        default='auto',
        help='the library that matches and accumulates: fast is hotcoco, auto is hotcoco where it '
        'is installed; the figures are the same (default: %(default)s)',
    )
    parser.add_argument(
        '--slots',
        choices=['official', 'own_slots'],
        default='official',
        help='landmarks compared with garments that have none labelled: all, those of other '
        "categories at (0, 0), or the category's own (default: %(default)s)",
    )
    parser.add_argument(
        '--slices',
        action=argparse.BooleanOptionalAction,
        help='AP by scale, occlusion, zoom-in and viewpoint (default: when GT states them)',
    )
    parser.add_argument(
        '--schema', metavar='FILE', help='categories and landmarks (default: DeepFashion2)'
    )
    parser.add_argument(
        '--check-only',
        action='store_true',
        help='only check that RESULTS has the layout of a submission (and images of GT, if given)',
    )
    args = parser.parse_intermixed_args()  # options may stand between the two files
    if args.gt is None and not args.check_only:
        parser.error('give two files, GT and RESULTS (or --check-only)')
    return args


def main() -> int:
    """Score or check, and return the exit code."""
    args = parse_args()
    if args.check_only:
        return run_tool(lambda: check_results(args.results, args.gt, args.schema))
    options = EvalOptions(
        results=args.results,
        truth=args.gt,
        out=args.out,
        backend=args.backend,
        slots=args.slots,
        slices=args.slices,
        schema=args.schema,
        overwrite=args.overwrite,
    )
    return run_tool(lambda: eval_results(options))


if __name__ == '__main__':
    sys.exit(main())
