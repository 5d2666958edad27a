# SPDX-License-Identifier: Apache-2.0
"""Write one HTML page about a results file: ``python tools/analysis/report.py GT RESULTS``.

All official figures, per category and per attribute, precision over recall, kinds of errors,
confusions, landmark errors, and the worst images with truth beside prediction. The page needs no
other file; its plots lie beside it as PNG, its numbers in report.json. Example::

    python tools/analysis/report.py data/deepfashion2/validation/annos results.json.gz
"""

from __future__ import annotations

import argparse
import sys

from deepmark.analysis.report import make_report
from deepmark.apis.command_line import run_tool


def _score(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'{text} is not 0 .. 1')
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f'{text} is negative')
    return value


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Write an HTML page, PNG files and JSON about a results file.',
        epilog='example: python tools/analysis/report.py '
        'data/deepfashion2/validation/annos results.json.gz --out work_dirs/report',
    )
    parser.add_argument(
        'truth', metavar='GT', help='annotation file (.json, .json.gz) or folder (annos)'
    )
    parser.add_argument('results', metavar='RESULTS', help='results file (.json, .json.gz)')
    parser.add_argument(
        '--images', metavar='FOLDER', help="the photos (default: 'image' beside GT, if it is there)"
    )
    parser.add_argument('--out', metavar='DIR', help='(default: RESULTS_report beside RESULTS)')
    parser.add_argument('--schema', metavar='FILE', help='categories (default: DeepFashion2)')
    parser.add_argument(
        '--score-thr',
        type=_score,
        default=0.3,
        help='detections below it count for AP only (default: %(default)s)',
    )
    parser.add_argument(
        '--slots',
        choices=['official', 'own_slots'],
        default='official',
        help='how garments without landmarks are treated (default: %(default)s)',
    )
    parser.add_argument(
        '--backend',
        choices=['auto', 'fast', 'pycocotools'],
        default='auto',
        help='library that computes AP (default: %(default)s)',
    )
    parser.add_argument(
        '--worst', type=_count, default=24, metavar='N', help='images shown (default: %(default)s)'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier report')
    return parser.parse_args()


def report(args: argparse.Namespace) -> None:
    """Write, and name the page."""
    page = make_report(
        args.truth,
        args.results,
        out=args.out,
        images=args.images,
        schema=args.schema,
        score_threshold=args.score_thr,
        slots=args.slots,
        backend=args.backend,
        worst=args.worst,
        overwrite=args.overwrite,
    )
    print(page)


def main() -> int:
    """Write, and return the exit code."""
    args = parse_args()
    return run_tool(lambda: report(args))


if __name__ == '__main__':
    sys.exit(main())
