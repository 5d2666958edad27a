# SPDX-License-Identifier: Apache-2.0
"""Which category is taken for which: matching by boxes alone, whatever the categories.

The rule of matching is that of :mod:`deepmark.evaluation.diagnosis.box_matching` over all
categories of an image together, which is hotcoco's ``COCOeval.confusion_matrix`` too.
"""

from __future__ import annotations

import numpy as np

from deepmark.evaluation.diagnosis.box_matching import BoxPairs, match_by_score
from deepmark.evaluation.garment_rows import BoolArray, DetectionRows, IntArray, TruthRows


def confusion_matrix(
    truth: TruthRows,
    detections: DetectionRows,
    pairs: BoxPairs,
    counted: BoolArray,
    num_categories: int,
) -> IntArray:
    """Count matched pairs by true and detected category.

    Args:
        truth: true garments.
        detections: detected garments.
        pairs: of counted detections and garments that are no crowd, with enough overlap.
        counted: (D,) detections that count: good enough, and not on a crowd garment.
        num_categories: C.

    Returns:
        (C + 1, C + 1) int64, row = true, column = detected category; the last row counts
        detections on background, the last column garments that nothing was matched to.
    """
    matches = match_by_score(pairs, detections, truth.labels)
    background = num_categories
    detected = np.full(len(truth), background)
    detected[matches.truth] = detections.labels[matches.detection]
    alarms = counted.copy()
    alarms[matches.detection] = False
    row = np.concatenate([truth.labels[~truth.crowd], np.full(alarms.sum(), background)])
    column = np.concatenate([detected[~truth.crowd], detections.labels[alarms]])
    size = num_categories + 1
    return np.bincount(row * size + column, minlength=size**2).reshape(size, size)
