# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2's three evaluations: boxes, landmarks, visible landmarks; whole and by attribute.

A library matches and accumulates (:mod:`deepmark.evaluation.engines`, which also states the
official rules); here the rows are checked and the figures are taken from its curves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

import numpy as np

from deepmark.evaluation.attribute_levels import ATTRIBUTE_LEVELS
from deepmark.evaluation.engines import (
    BOXES,
    VISIBLE,
    VISIBLE_AND_OCCLUDED,
    Backend,
    Curves,
    EvaluationInput,
    SlotMode,
    open_engine,
)
from deepmark.evaluation.engines.engine import IOU_THRESHOLDS, Float64Array, rules_of
from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.garment_rows import (
    BoolArray,
    DetectionRows,
    FloatArray,
    IntArray,
    TruthRows,
    check_rows,
    labelled_counts,
    visible_only,
)
from deepmark.schema import LandmarkSchema, get_schema

__all__ = [
    'BOXES',
    'VISIBLE',
    'VISIBLE_AND_OCCLUDED',
    'Backend',
    'Evaluator',
    'Figures',
    'SlotMode',
    'evaluate',
    'figures_of',
]

Figures = dict[str, Any]

# figure -> (curve, threshold or None for all, area range, position in max_dets)
_BOX_FIGURES: dict[str, tuple[str, float | None, str, int]] = {
    'AP': ('precision', None, 'all', 2),
    'AP50': ('precision', 0.5, 'all', 2),
    'AP75': ('precision', 0.75, 'all', 2),
    'AP_small': ('precision', None, 'small', 2),
    'AP_medium': ('precision', None, 'medium', 2),
    'AP_large': ('precision', None, 'large', 2),
    'AR_1': ('recall', None, 'all', 0),
    'AR_10': ('recall', None, 'all', 1),
    'AR_100': ('recall', None, 'all', 2),
    'AR_small': ('recall', None, 'small', 2),
    'AR_medium': ('recall', None, 'medium', 2),
    'AR_large': ('recall', None, 'large', 2),
}
_KEYPOINT_FIGURES: dict[str, tuple[str, float | None, str, int]] = {
    'AP': ('precision', None, 'all', 0),
    'AP50': ('precision', 0.5, 'all', 0),
    'AP75': ('precision', 0.75, 'all', 0),
    'AP_medium': ('precision', None, 'medium', 0),
    'AP_large': ('precision', None, 'large', 0),
    'AR': ('recall', None, 'all', 0),
    'AR50': ('recall', 0.5, 'all', 0),
    'AR75': ('recall', 0.75, 'all', 0),
    'AR_medium': ('recall', None, 'medium', 0),
    'AR_large': ('recall', None, 'large', 0),
}
_SLICE_FIGURES = ('AP', 'AP50', 'AP75')


class Evaluator:
    """One set of truth and detections, evaluated as a whole and by attribute.

    Args:
        truth: true garments.
        detections: detected garments; without ``keypoints`` only the boxes are evaluated.
        image_ids: (I,) all images that count, also those without truth.
        schema: categories, landmark counts and sigmas.
        slots: which landmarks of a detection are looked at where no labelled landmark says so.
            'official': all slots, the other categories' lying at (0, 0), as in the dense files of
            the official evaluator. A detection on a garment without landmarks then mostly becomes
            a false positive, and AP_medium and AP_large of the landmarks take a detection's area
            from the extent of its landmarks and (0, 0).
            'own_slots': the category's own landmarks; a detection's area is that of its box.
        backend: the library that matches and accumulates: 'fast' is hotcoco, 'auto' hotcoco where
            it is installed and else 'pycocotools'. The figures are the same.

    Raises:
        EvaluationError: rows of unequal length, unknown label or image, NaN; an unknown mode or
            backend; 'fast' without hotcoco.
    """

    def __init__(
        self,
        truth: TruthRows,
        detections: DetectionRows,
        image_ids: IntArray,
        schema: LandmarkSchema | str | None = None,
        slots: SlotMode = 'official',
        backend: Backend = 'auto',
    ) -> None:
        self.schema = get_schema(schema)
        if slots not in get_args(SlotMode):
            raise EvaluationError(f"slots is {slots!r}, must be 'official' or 'own_slots'")
        for title, rows in (('truth', truth), ('detections', detections)):
            check_rows(rows, self.schema, title)
            unknown = np.setdiff1d(rows.image_ids, image_ids)
            if len(unknown):
                raise EvaluationError(
                    f'{title}: image id {unknown[0]} is not among the evaluated images'
                )
        self._truth = truth
        self._engine = open_engine(
            EvaluationInput(truth, detections, image_ids, self.schema, slots), backend
        )
        self.evaluations: tuple[str, ...] = (BOXES,)
        if detections.keypoints is not None:
            self.evaluations += (VISIBLE, VISIBLE_AND_OCCLUDED)
        self._curves: dict[str, Curves] = {}

    @property
    def backend(self) -> str:
        """Name and version of the library that evaluates."""
        return self._engine.name

    def figures(self) -> dict[str, Figures]:
        """Evaluation name -> figure name -> value.

        The names are those of the official figures (``bbox``, ``keypoints_visible``,
        ``keypoints_visible_and_occluded``; ``AP``, ``AP50``, ...) and ``AP_per_category``, a list
        in label order. -1 where there is no truth to find.
        """
        return {name: figures_of(name, self._whole(name)) for name in self.evaluations}

    def slices(self) -> dict[str, dict[str, dict[str, Figures]]]:
        """Attribute -> level -> evaluation -> AP, AP50, AP75, AP_per_category and garments.

        Garments of the other levels, and those of unknown level, are ignored truth, as area ranges
        do it: who finds one is neither right nor wrong. ``garments`` counts those that can be
        found: of the level, not ``iscrowd``, and with landmarks where landmarks are evaluated.

        Deviation: the dataset paper splits its tables by these levels without saying what becomes
        of false alarms, and no code of it is public. A detection states no attributes, so that one
        on nothing is a false positive in every slice. AP of a rare level is therefore low: compare
        models within a level rather than levels.

        Raises:
            EvaluationError: the truth states no attributes, or a level that does not exist.
        """
        attributes = self._attributes()
        candidates = {name: self._candidates(name) for name in self.evaluations}
        return {
            attribute: {
                level: {
                    name: self._slice(name, of_level, candidates[name]) for name in self.evaluations
                }
                for level, of_level in _levels(names, attributes[:, column])
            }
            for column, (attribute, names) in enumerate(ATTRIBUTE_LEVELS.items())
        }

    def precision(self, evaluation: str) -> Float64Array:
        """(10, 101, C) precision by threshold, recall step and label; -1 where no truth is.

        All areas, the largest limit of detections.

        Raises:
            EvaluationError: landmarks are asked for, but the detections have none.
        """
        if evaluation not in self.evaluations:
            raise EvaluationError(
                f'{evaluation!r} is not evaluated, but {", ".join(self.evaluations)}'
            )
        return self._whole(evaluation).precision[:, :, :, 0, -1]

    def _whole(self, evaluation: str) -> Curves:
        if evaluation not in self._curves:
            self._curves[evaluation] = self._engine.curves(evaluation)
        return self._curves[evaluation]

    def _attributes(self) -> IntArray:
        attributes = self._truth.attributes
        if attributes is None:
            raise EvaluationError(
                f'the truth states no attributes ({", ".join(ATTRIBUTE_LEVELS)}) to split the '
                "results by; take DeepFashion2's own annotation folder or a file made from it with "
                'its attributes'
            )
        highest = max(len(levels) for levels in ATTRIBUTE_LEVELS.values())
        wrong = attributes[(attributes < 0) | (attributes > highest)]
        if len(wrong):
            raise EvaluationError(f'truth: attributes holds {wrong[0]}, must be 0 .. {highest}')
        return attributes

    def _candidates(self, evaluation: str) -> BoolArray:
        """(N,) truth that can be found."""
        if evaluation == BOXES:
            return ~self._truth.crowd
        truth = visible_only(self._truth) if evaluation == VISIBLE else self._truth
        return ~truth.crowd & (labelled_counts(truth, self.schema) > 0)

    def _slice(self, evaluation: str, of_level: BoolArray, candidates: BoolArray) -> Figures:
        curves = self._engine.curves(evaluation, ignored=~of_level)
        figures: Figures = {}
        for name in _SLICE_FIGURES:
            threshold = _BOX_FIGURES[name][1]
            figures[name] = _figure(curves.precision, threshold, area=0, limit=0)
        figures['AP_per_category'] = _per_category(curves)
        figures['garments'] = int(np.count_nonzero(of_level & candidates))
        return figures


def evaluate(
    truth: TruthRows,
    detections: DetectionRows,
    image_ids: IntArray,
    schema: LandmarkSchema | str | None = None,
    slots: SlotMode = 'official',
    backend: Backend = 'auto',
) -> dict[str, Figures]:
    """Score detections against truth: :meth:`Evaluator.figures` in one call."""
    return Evaluator(truth, detections, image_ids, schema, slots, backend).figures()


def _levels(names: Sequence[str], numbers: IntArray) -> Iterator[tuple[str, BoolArray]]:
    for number, name in enumerate(names, 1):
        yield name, numbers == number


def figures_of(evaluation: str, curves: Curves) -> Figures:
    """The official figures, and AP of each category, from an engine's curves."""
    areas = list(rules_of(evaluation).areas)
    table = _BOX_FIGURES if evaluation == BOXES else _KEYPOINT_FIGURES
    figures: Figures = {
        name: _figure(getattr(curves, curve), threshold, areas.index(area), limit)
        for name, (curve, threshold, area, limit) in table.items()
    }
    figures['AP_per_category'] = _per_category(curves)
    return figures


def _per_category(curves: Curves) -> list[float]:
    precision = curves.precision[:, :, :, 0, -1]
    return [_mean_of_present(precision[:, :, label]) for label in range(precision.shape[2])]


def _figure(values: Float64Array, threshold: float | None, area: int, limit: int) -> float:
    if threshold is not None:
        values = values[np.isclose(IOU_THRESHOLDS, threshold)]
    return _mean_of_present(values[..., area, limit])


def _mean_of_present(values: FloatArray) -> float:
    present = values[values > -1]
    return float(np.mean(present)) if present.size else -1.0
