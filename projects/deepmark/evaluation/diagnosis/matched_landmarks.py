# SPDX-License-Identifier: Apache-2.0
"""The landmarks of matched garments side by side: distances and OKS.

Legend: M matches (of the same category), P landmarks of the matched garments together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from deepmark.evaluation.diagnosis.box_matching import Float64Array, Matches
from deepmark.evaluation.garment_rows import (
    DetectionRows,
    IntArray,
    TruthRows,
    keypoint_offsets,
)
from deepmark.evaluation.oks import keypoint_similarity
from deepmark.schema import LandmarkSchema


class MatchedLandmarks(NamedTuple):
    """Every landmark of the matched garments, labelled or not.

    Attributes:
        match: (P,) number of the match.
        slot: (P,) number of the landmark among all categories' landmarks.
        squared_distance: (P,) between detected and true position, pixels^2.
        visibility: (P,) 0 not labelled, 1 occluded, 2 visible.
    """

    match: IntArray
    slot: IntArray
    squared_distance: Float64Array
    visibility: IntArray


def matched_landmarks(
    matches: Matches, truth: TruthRows, detections: DetectionRows, schema: LandmarkSchema
) -> MatchedLandmarks:
    """Lay the landmarks of matched garments side by side.

    Args:
        matches: of the same category each.
        truth: true garments.
        detections: detected garments, with keypoints.
        schema: landmark counts.
    """
    assert detections.keypoints is not None
    labels = truth.labels[matches.truth]
    offsets = keypoint_offsets(labels, schema)
    match = np.repeat(np.arange(len(labels)), np.diff(offsets))
    step = np.arange(offsets[-1]) - offsets[match]
    of_truth = keypoint_offsets(truth.labels, schema)[matches.truth][match] + step
    of_detection = keypoint_offsets(detections.labels, schema)[matches.detection][match] + step
    true_points = truth.keypoints[of_truth].astype(np.float64)
    offset = detections.keypoints[of_detection].astype(np.float64) - true_points[:, :2]
    return MatchedLandmarks(
        match=match,
        slot=schema.slot_offsets[labels][match] + step,
        squared_distance=np.asarray((offset**2).sum(axis=1)),
        visibility=true_points[:, 2].astype(np.int64),
    )


def matched_similarity(
    landmarks: MatchedLandmarks, matches: Matches, truth: TruthRows, schema: LandmarkSchema
) -> Float64Array:
    """(M,) OKS of each match over visible and occluded landmarks; NaN where none is labelled."""
    area = truth.boxes_xywh[matches.truth, 2:].astype(np.float64).prod(axis=1)
    similarity = keypoint_similarity(
        landmarks.squared_distance, area[landmarks.match], schema.slot_sigmas[landmarks.slot]
    )
    labelled = landmarks.visibility > 0
    owner, count = landmarks.match[labelled], len(matches.truth)
    total = np.bincount(owner, similarity[labelled], minlength=count)
    number = np.bincount(owner, minlength=count)
    return np.asarray(total / np.where(number > 0, number, np.nan))
