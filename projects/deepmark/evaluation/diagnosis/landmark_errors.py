# SPDX-License-Identifier: Apache-2.0
"""NME and PCK: how far the landmarks of found garments lie from the true ones.

The normalised error of a landmark is its distance divided by a size of the true box (see
:data:`NORMALIZERS`). NME is the mean over the labelled landmarks of all found garments, PCK the
share whose error is below a threshold. Garments that were not found are not in it, so NME and PCK
say nothing without the share of found garments.

Legend: C categories, S landmark slots, T thresholds, B points of the curve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepmark.evaluation.diagnosis.box_matching import Float64Array, Matches
from deepmark.evaluation.diagnosis.matched_landmarks import MatchedLandmarks
from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.garment_rows import BoolArray, FloatArray, IntArray, TruthRows
from deepmark.schema import LandmarkSchema

NORMALIZERS: dict[str, Callable[[FloatArray], FloatArray]] = {
    'sqrt_area': lambda width_height: np.sqrt(width_height.prod(axis=1)),
    'diagonal': lambda width_height: np.sqrt((width_height**2).sum(axis=1)),
    'longest_side': lambda width_height: width_height.max(axis=1),
}
"""Size of the true box (at least one pixel) by which a distance is divided.

``sqrt_area`` is the length that OKS uses too; ``longest_side`` is what mmpose's PCKAccuracy uses.
"""
PCK_THRESHOLDS = (0.05, 0.1, 0.2)
CURVE_THRESHOLDS = np.linspace(0, 0.3, 61)


@dataclass(frozen=True)
class LandmarkErrors:
    """Errors over one kind of landmarks; NaN where there is no such landmark.

    Attributes:
        count: number of landmarks.
        nme: mean normalised error.
        pck: (T,) share of landmarks below each threshold.
        curve: (B,) the same at :data:`CURVE_THRESHOLDS`.
        count_per_category: (C,).
        nme_per_category: (C,).
        pck_per_category: (C, T).
        count_per_slot: (S,).
        nme_per_slot: (S,).
        pck_per_slot: (S, T).
        thresholds: T of PCK.
    """

    count: int
    nme: float
    pck: Float64Array
    curve: Float64Array
    count_per_category: IntArray
    nme_per_category: Float64Array
    pck_per_category: Float64Array
    count_per_slot: IntArray
    nme_per_slot: Float64Array
    pck_per_slot: Float64Array
    thresholds: tuple[float, ...]

    def to_json(self, schema: LandmarkSchema) -> dict[str, Any]:
        """Plain numbers by name; None where there is no landmark."""
        keys = [f'PCK@{threshold:g}' for threshold in self.thresholds]

        def entry(count: int, nme: float, pck: Float64Array) -> dict[str, Any]:
            shares = dict(zip(keys, map(_plain, pck.tolist()), strict=True))
            return {'landmarks': int(count), 'NME': _plain(nme), **shares}

        categories = zip(
            schema.class_names,
            self.count_per_category,
            self.nme_per_category,
            self.pck_per_category,
            strict=True,
        )
        return {
            **entry(self.count, self.nme, self.pck),
            'curve': {
                'thresholds': CURVE_THRESHOLDS.round(4).tolist(),
                'PCK': [_plain(value) for value in self.curve.tolist()],
            },
            'per_category': {name: entry(*values) for name, *values in categories},
            'per_slot': {
                'landmarks': self.count_per_slot.tolist(),
                'NME': [_plain(value) for value in self.nme_per_slot.tolist()],
                **{
                    key: [_plain(value) for value in column.tolist()]
                    for key, column in zip(keys, self.pck_per_slot.T, strict=True)
                },
            },
        }


def normalized_errors(
    landmarks: MatchedLandmarks, matches: Matches, truth: TruthRows, normalizer: str = 'sqrt_area'
) -> Float64Array:
    """(P,) distance of every landmark divided by the size of its garment's true box.

    Raises:
        EvaluationError: no such normaliser.
    """
    if normalizer not in NORMALIZERS:
        raise EvaluationError(
            f'normalizer is {normalizer!r}, must be one of {", ".join(NORMALIZERS)}'
        )
    width_height = truth.boxes_xywh[matches.truth, 2:].astype(np.float64).reshape(-1, 2)
    size = np.maximum(NORMALIZERS[normalizer](width_height), 1)
    return np.asarray(np.sqrt(landmarks.squared_distance) / size[landmarks.match])


def landmark_errors(
    errors: Float64Array,
    slots: IntArray,
    schema: LandmarkSchema,
    thresholds: tuple[float, ...] = PCK_THRESHOLDS,
) -> LandmarkErrors:
    """Sum up normalised errors.

    Args:
        errors: (P,) of the landmarks that count.
        slots: (P,) which landmark each is.
        schema: categories and slots.
        thresholds: of PCK.
    """
    below = errors[:, None] < np.array(thresholds)
    per_slot = _sums(errors, below, slots, schema.num_slots)
    label_of_slot = np.repeat(np.arange(schema.num_categories), schema.num_keypoints)
    per_category = _sums(errors, below, label_of_slot[slots], schema.num_categories)
    overall = _sums(errors, below, np.zeros_like(slots), 1)
    return LandmarkErrors(
        count=len(errors),
        nme=float(overall[1][0]),
        pck=overall[2][0],
        curve=_curve(errors),
        count_per_category=per_category[0],
        nme_per_category=per_category[1],
        pck_per_category=per_category[2],
        count_per_slot=per_slot[0],
        nme_per_slot=per_slot[1],
        pck_per_slot=per_slot[2],
        thresholds=thresholds,
    )


def _sums(
    errors: Float64Array, below: BoolArray, group: IntArray, groups: int
) -> tuple[IntArray, Float64Array, Float64Array]:
    """Count, mean error and (groups, T) share below each threshold, of every group."""
    count = np.bincount(group, minlength=groups)
    divisor = np.where(count > 0, count, np.nan)
    mean = np.bincount(group, errors, minlength=groups) / divisor
    shares = [np.bincount(group, column, minlength=groups) / divisor for column in below.T]
    return count, mean, np.stack(shares, axis=1)


def _curve(errors: Float64Array) -> Float64Array:
    if not len(errors):
        return np.full(len(CURVE_THRESHOLDS), np.nan)
    below = np.searchsorted(np.sort(errors), CURVE_THRESHOLDS, side='left')
    return np.asarray(below / len(errors))


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
