# SPDX-License-Identifier: Apache-2.0
"""Evaluate a results file and write what it says as one HTML page, PNG files and JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from deepmark.analysis.report.html_parts import page
from deepmark.analysis.report.plots import Plot, draw_plots
from deepmark.analysis.report.report_data import ReportData, evaluate_for_report
from deepmark.analysis.report.report_folder import JSON_NAME, refuse_folder, report_folder
from deepmark.analysis.report.sections import all_sections, introduction
from deepmark.analysis.report.worst_images import WorstImage, collect_worst
from deepmark.evaluation.coco_evaluation import Backend, SlotMode
from deepmark.evaluation.json_layout import read_results
from deepmark.evaluation.result_checks import refuse_unknown_images
from deepmark.evaluation.truth_source import load_truth
from deepmark.schema import get_schema
from deepmark.visualization.contact_sheet import contact_sheet, write_contact_sheet

PAGE_NAME = 'report.html'
SHEET_NAME = 'worst_images.png'
PathLike = str | os.PathLike[str]


def make_report(
    truth: PathLike,
    results: PathLike,
    out: PathLike | None = None,
    images: PathLike | None = None,
    schema: str | None = None,
    score_threshold: float = 0.3,
    slots: SlotMode = 'official',
    backend: Backend = 'auto',
    worst: int = 24,
    overwrite: bool = False,
) -> Path:
    """Evaluate and write a folder with ``report.html``, ``report.json`` and the PNG files.

    The page holds its pictures, so it can be sent around alone.

    Args:
        truth: official annotation file (.json, .json.gz) or an annotation folder.
        results: official results file.
        out: folder to write; by default ``<results>_report`` beside the results.
        images: folder of the photos; by default ``image`` beside the truth or in it. Only those of
            the worst images are read, and where they are missing grey takes their place.
        schema: a file with other categories; None is DeepFashion2.
        score_threshold: of the diagnosis; AP does not depend on it.
        slots: how garments without landmarks are treated.
        backend: library that computes AP.
        worst: how many images to show at most.
        overwrite: replace an earlier report; anything else is never replaced.

    Returns:
        The page.

    Raises:
        EvaluationError: truth or results cannot be evaluated.
        FileExistsError: the folder exists, and is no earlier report or ``overwrite`` is false.
        OSError: a file cannot be read or written.
    """
    target = default_folder(results) if out is None else Path(out)
    refuse_folder(target, overwrite)
    known = get_schema(schema)
    with Console(stderr=True).status('reading') as status:
        truth_file, found = load_truth(truth, known), read_results(results, known)
        refuse_unknown_images(found.rows, truth_file.image_ids, results, truth)
        status.update('evaluating')
        data = evaluate_for_report(
            truth_file, found, known, (str(truth), str(results)),
            score_threshold, slots, backend,
        )  # fmt: skip
        status.update('drawing')
        folder = _photo_folder(truth, images)
        bad = collect_worst(worst, truth_file, found.rows, data.diagnosis, folder)
        with report_folder(target, overwrite) as written:
            _write(written, data, draw_plots(data), bad, _photo_note(bad, folder))
    return target / PAGE_NAME


def default_folder(results: PathLike) -> Path:
    """The folder of a report when none is given.

    Example:
        >>> default_folder('work_dirs/a/results.json.gz').as_posix()
        'work_dirs/a/results_report'
    """
    path = Path(results)
    return path.with_name(path.name.removesuffix('.gz').removesuffix('.json') + '_report')


def _write(
    folder: Path,
    data: ReportData,
    plots: Sequence[Plot],
    worst: Sequence[WorstImage],
    photo_note: str,
) -> None:
    for plot in plots:
        (folder / plot.file_name).write_bytes(plot.png)
    if worst:
        columns = 2 if len(worst) > 4 else 1
        sheet = contact_sheet([w.drawing for w in worst], data.schema, 320, columns)
        write_contact_sheet(folder / SHEET_NAME, sheet)
    title = f'Evaluation of {Path(data.results_name).name}'
    ending = 'The folder of this page has its plots as PNG files and all numbers in report.json.'
    sections = all_sections(data, plots, worst, photo_note)
    text = page(title, introduction(data), sections, ending)
    (folder / PAGE_NAME).write_text(text, encoding='utf-8')
    content: dict[str, Any] = {
        **data.to_json(),
        'worst_images': [
            {
                'image_id': image.image_id,
                'file_name': image.file_name,
                'badness': image.badness,
                'problems': image.problems,
                'has_photo': image.has_photo,
            }
            for image in worst
        ],
        'files': sorted([JSON_NAME, *(entry.name for entry in folder.iterdir())]),
    }
    text = json.dumps(content, indent=1, allow_nan=False)
    (folder / JSON_NAME).write_text(text + '\n', encoding='utf-8')


def _photo_folder(truth: PathLike, images: PathLike | None) -> Path | None:
    """The folder of the photos, None when there is none.

    Raises:
        FileNotFoundError: the folder that was asked for is not there.
    """
    if images is None:
        places = Path(truth) / 'image', Path(truth).absolute().parent / 'image'
        return next((place for place in places if place.is_dir()), None)
    if not Path(images).is_dir():
        raise FileNotFoundError(f'{images}: there is no such folder. Fix: give another --images')
    return Path(images)


def _photo_note(worst: Sequence[WorstImage], folder: Path | None) -> str:
    """What to say of missing photos; '' when none is missing."""
    missing = [image.file_name for image in worst if not image.has_photo]
    if not missing:
        return ''
    if folder is None:
        return 'The photos were not given (--images FOLDER), so the garments are drawn on grey.'
    return (
        f'{len(missing)} of these {len(worst)} photos cannot be read in {folder}, for instance '
        f'{missing[0]}; their garments are drawn on grey.'
    )
