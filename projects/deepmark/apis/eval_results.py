# SPDX-License-Identifier: Apache-2.0
"""Score or check anybody's result file: what ``tools/eval_results.py`` does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

from deepmark.atomic_write import atomic_write, refuse_existing
from deepmark.evaluation.coco_evaluation import Evaluator
from deepmark.evaluation.engines import BOXES, Backend, SlotMode
from deepmark.evaluation.figure_table import (
    LONG_COLUMNS,
    category_table,
    overall_table,
    slice_table,
)
from deepmark.evaluation.json_layout import read_results
from deepmark.evaluation.result_checks import refuse_unknown_images
from deepmark.evaluation.submission_check import SubmissionSummary, check_submission
from deepmark.evaluation.truth_source import load_truth
from deepmark.schema import LandmarkSchema, get_schema

Metrics = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class EvalOptions:
    """The switches of ``tools/eval_results.py``.

    Attributes:
        results: official result file, .json or .json.gz.
        truth: official annotation file, or DeepFashion2's folder (``validation/annos``).
        out: JSON file for the figures, or None.
        backend: see :class:`deepmark.evaluation.coco_evaluation.Evaluator`.
        slots: the same.
        slices: AP by attribute; None for: when the truth states attributes.
        schema: schema file, or None for DeepFashion2.
        overwrite: replace ``out``.
    """

    results: str
    truth: str
    out: str | None = None
    backend: Backend = 'auto'
    slots: SlotMode = 'official'
    slices: bool | None = None
    schema: str | None = None
    overwrite: bool = False


def eval_results(options: EvalOptions) -> Metrics:
    """Score a result file, print the tables and write the figures.

    Returns:
        The content of ``out``: the evaluations by name (``bbox``, ``keypoints_visible``,
        ``keypoints_visible_and_occluded``, each with its official figures), ``slices`` where the
        truth states attributes, and ``settings``.

    Raises:
        EvaluationError: naming file, entry, key and fix.
        FileExistsError: ``out`` exists and ``overwrite`` is false.
        OSError: a file cannot be opened.
    """
    if options.out is not None:
        refuse_existing(options.out, options.overwrite)
    schema = get_schema(options.schema)
    metrics = score_file(options, schema)
    if options.out is not None:
        with atomic_write(options.out, options.overwrite) as file:
            file.write(json.dumps(metrics, indent=2, allow_nan=False).encode() + b'\n')
    _print(tables(metrics, schema))
    return metrics


def score_file(options: EvalOptions, schema: LandmarkSchema) -> Metrics:
    """The figures and settings, nothing printed or written."""
    truth = load_truth(options.truth, schema)
    detections, has_boxes = read_results(options.results, schema)
    refuse_unknown_images(detections, truth.image_ids, options.results, options.truth)
    evaluator = Evaluator(
        truth.rows, detections, truth.image_ids, schema, options.slots, options.backend
    )
    metrics: Metrics = evaluator.figures()
    with_slices = truth.rows.attributes is not None if options.slices is None else options.slices
    if with_slices:
        metrics['slices'] = evaluator.slices()
    if not has_boxes:
        _leave_out(BOXES, metrics)
    metrics['settings'] = {
        'slots': options.slots,
        'backend': evaluator.backend,
        'images': len(truth.image_ids),
        'garments': len(truth.rows),
        'detections': len(detections),
        'schema': schema.name,
        'truth': str(options.truth),
        'results': str(options.results),
    }
    return metrics


def check_results(
    results: str, truth: str | None = None, schema: str | None = None
) -> SubmissionSummary:
    """Check a result file strictly, without scoring it, and print what it holds.

    Raises:
        EvaluationError: naming file, entry, key and fix.
        OSError: a file cannot be opened.
    """
    schema_used = get_schema(schema)
    image_ids = None if truth is None else load_truth(truth, schema_used).image_ids
    summary = check_submission(
        results, image_ids, schema_used, images_title=str(truth or 'the test set')
    )
    known = '' if truth is None else f', all of {truth}'
    Console().print(
        f'{results}: valid; {summary.results:,} results of {summary.images:,} images{known}, at '
        f'most {summary.most_per_image} an image',
        highlight=False,
        soft_wrap=True,
    )
    return summary


def tables(metrics: Mapping[str, Any], schema: LandmarkSchema) -> Iterator[RenderableType]:
    """What is printed of the figures."""
    settings = metrics['settings']
    figures = {name: metrics[name] for name in metrics if name not in ('slices', 'settings')}
    title = (
        f'{Path(settings["results"]).name}: {settings["images"]:,} images, '
        f'{settings["garments"]:,} garments, {settings["detections"]:,} detections'
    )
    yield overall_table(figures, title, LONG_COLUMNS)
    yield category_table(figures, schema)
    if 'slices' in metrics:
        yield slice_table(metrics['slices'])
    else:
        yield 'No AP by attribute: the truth states none, or --no-slices was given.'
    if BOXES not in figures:
        yield 'No figures of boxes: the results have no bbox.'
    elif len(figures) == 1:
        yield 'No figures of landmarks: the results have no keypoints.'
    yield f"Garments without landmarks: slots '{settings['slots']}'. Engine: {settings['backend']}."


def _leave_out(evaluation: str, metrics: Metrics) -> None:
    del metrics[evaluation]
    for levels in metrics.get('slices', {}).values():
        for evaluations in levels.values():
            del evaluations[evaluation]


def _print(parts: Iterator[RenderableType]) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    for part in parts:
        console.print(part, highlight=False)
