# SPDX-License-Identifier: Apache-2.0
"""Scores of detections that found a garment and of those that did not."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from deepmark.evaluation.diagnosis.box_matching import Float64Array
from deepmark.evaluation.garment_rows import BoolArray, FloatArray, IntArray

BINS = 20


class ScoreBins(NamedTuple):
    """Counts of detections by score.

    Attributes:
        edges: (B + 1,) of the bins: 0 .. 1, or the range of the scores when they leave it.
        found: (B,) detections matched to a garment of their category.
        wrong: (B,) all others.
        mean_score: (B,) NaN in empty bins.
    """

    edges: Float64Array
    found: IntArray
    wrong: IntArray
    mean_score: Float64Array

    @property
    def precision(self) -> Float64Array:
        """(B,) share of found; NaN in empty bins."""
        total = self.found + self.wrong
        return np.asarray(self.found / np.where(total > 0, total, np.nan))

    def calibration_error(self) -> float:
        """Mean gap between score and precision, weighted by the number of detections (ECE)."""
        total = self.found + self.wrong
        gap = np.abs(self.precision - self.mean_score)
        return float(np.nansum(gap * total) / total.sum()) if total.sum() else float('nan')

    def to_json(self) -> dict[str, Any]:
        """Plain numbers by name."""
        error = self.calibration_error()
        return {
            'edges': self.edges.round(6).tolist(),
            'found': self.found.tolist(),
            'wrong': self.wrong.tolist(),
            'expected_calibration_error': None if np.isnan(error) else error,
        }


def score_bins(scores: FloatArray, found: BoolArray) -> ScoreBins:
    """Count scores.

    Args:
        scores: (D,).
        found: (D,) matched to a garment of the same category.
    """
    values = scores.astype(np.float64)
    low = min(0.0, float(values.min(initial=0)))
    high = max(1.0, float(values.max(initial=1)))
    edges = np.linspace(low, high, BINS + 1).astype(np.float64)
    bins = np.clip(np.searchsorted(edges, values, side='right') - 1, 0, BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    hits = np.bincount(bins[found], minlength=BINS)
    mean = np.bincount(bins, values, minlength=BINS) / np.where(count > 0, count, np.nan)
    return ScoreBins(edges, hits, count - hits, mean)
