# SPDX-License-Identifier: Apache-2.0
"""All numbers of a report, from truth and detections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deepmark.evaluation.coco_evaluation import (
    BOXES,
    VISIBLE,
    VISIBLE_AND_OCCLUDED,
    Backend,
    Evaluator,
    Figures,
    SlotMode,
)
from deepmark.evaluation.diagnosis import Diagnosis, diagnose
from deepmark.evaluation.garment_rows import IntArray
from deepmark.evaluation.json_layout import ResultFile, TruthFile
from deepmark.schema import LandmarkSchema
from deepmark.version import __version__

EVALUATIONS = {
    BOXES: 'boxes',
    VISIBLE_AND_OCCLUDED: 'landmarks, visible + occluded',
    VISIBLE: 'landmarks, visible',
}
SHORT_TITLES = {BOXES: 'boxes', VISIBLE_AND_OCCLUDED: 'vis + occ', VISIBLE: 'visible'}
CURVE_THRESHOLDS = {'0.50': 0, '0.75': 5}
"""Of the precision curves: name -> position among the ten thresholds."""
MADE_BY = 'deepmark evaluation report'


@dataclass(frozen=True)
class ReportData:
    """Numbers of a report.

    Attributes:
        truth_name: the file or folder, as it was given.
        results_name: likewise.
        schema: categories.
        slots: how garments without landmarks are treated.
        backend: library that computed AP.
        has_boxes: False when the extents of the landmarks stand for boxes; boxes are not scored.
        counts: images, garments, detections.
        garments: (C,) true garments that are no crowd.
        figures: by evaluation.
        slices: by attribute, level and evaluation; None when the truth states no attributes.
        precision: by evaluation, (10, 101, C), -1 where no truth is.
        diagnosis: kinds of errors, confusions, landmark errors.
    """

    truth_name: str
    results_name: str
    schema: LandmarkSchema
    slots: SlotMode
    backend: str
    has_boxes: bool
    counts: dict[str, int]
    garments: IntArray
    figures: dict[str, Figures]
    slices: dict[str, dict[str, dict[str, Figures]]] | None
    precision: dict[str, npt.NDArray[np.float64]]
    diagnosis: Diagnosis

    @property
    def evaluations(self) -> dict[str, str]:
        """Name -> title of what was evaluated, in the order of the report."""
        return {name: title for name, title in EVALUATIONS.items() if name in self.figures}

    def mean_precision(self, evaluation: str, threshold: int) -> npt.NDArray[np.float64]:
        """(101,) precision at a threshold, mean over the categories that have truth."""
        curves = self.precision[evaluation][threshold]
        present = curves[:, (curves > -1).all(axis=0)]
        return np.asarray(present.mean(axis=1)) if present.size else np.zeros(len(curves))

    def to_json(self) -> dict[str, Any]:
        """Plain numbers by name; -1 in the figures where there is no truth."""
        names = self.schema.class_names
        curves = {
            name: {
                label: self.mean_precision(name, position).tolist()
                for label, position in CURVE_THRESHOLDS.items()
            }
            for name in self.evaluations
        }
        return {
            'made_by': MADE_BY,
            'version': __version__,
            'ground_truth': self.truth_name,
            'results': self.results_name,
            'slots': self.slots,
            'backend': self.backend,
            'has_boxes': self.has_boxes,
            'counts': self.counts,
            'categories': list(names),
            'garments_per_category': self.garments.tolist(),
            'figures': self.figures,
            'slices': self.slices,
            'mean_precision_at_101_recalls': curves,
            'diagnosis': self.diagnosis.to_json(),
        }


def evaluate_for_report(
    truth: TruthFile,
    results: ResultFile,
    schema: LandmarkSchema,
    names: tuple[str, str],
    score_threshold: float = 0.3,
    slots: SlotMode = 'official',
    backend: Backend = 'auto',
) -> ReportData:
    """Compute everything.

    Args:
        truth: what :func:`deepmark.evaluation.truth_source.load_truth` reads.
        results: what :func:`deepmark.evaluation.json_layout.read_results` reads.
        schema: categories.
        names: of truth and results, for the page.
        score_threshold: of the diagnosis.
        slots: how garments without landmarks are treated.
        backend: library that computes AP.

    Raises:
        EvaluationError: rows that do not fit together; the backend is not there.
    """
    rows, detections = truth.rows, results.rows
    evaluator = Evaluator(rows, detections, truth.image_ids, schema, slots, backend)
    kept = [name for name in evaluator.evaluations if results.has_boxes or name != BOXES]
    figures = evaluator.figures()
    has_attributes = rows.attributes is not None and bool(rows.attributes.any())
    return ReportData(
        truth_name=names[0],
        results_name=names[1],
        schema=schema,
        slots=slots,
        backend=evaluator.backend,
        has_boxes=results.has_boxes,
        counts={
            'images': len(np.unique(truth.image_ids)),
            'garments': len(rows),
            'detections': len(detections),
        },
        garments=np.bincount(rows.labels[~rows.crowd], minlength=schema.num_categories),
        figures={name: figures[name] for name in kept},
        slices=_slices(evaluator, kept) if has_attributes else None,
        precision={name: evaluator.precision(name) for name in kept},
        diagnosis=diagnose(
            rows, detections, truth.image_ids, schema, score_threshold=score_threshold
        ),
    )


def _slices(evaluator: Evaluator, kept: list[str]) -> dict[str, dict[str, dict[str, Figures]]]:
    return {
        attribute: {
            level: {name: evaluations[name] for name in kept}
            for level, evaluations in levels.items()
        }
        for attribute, levels in evaluator.slices().items()
    }
