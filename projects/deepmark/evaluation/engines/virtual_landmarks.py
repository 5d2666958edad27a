# SPDX-License-Identifier: Apache-2.0
"""Similarity to truth without landmarks over all slots, in lists that hold only the own ones.

The official evaluator compares a detection with a truth that has no labelled landmarks over all
slots of the dense layout (294), where the other categories' lie at (0, 0). To say the same with the
K_c landmarks of the category, its lists get virtual landmarks behind them: as many as there are
such truths in an image. Each such truth is labelled at one of them only, at (0, 0), and a detection
in its image lies there at the distance d whose similarity is the dense one s::

    exp(-d^2 / (2 * area * (2 * 0.5)^2)) = s

Legend: N truths, D detections, C categories, M pairs of such a truth and a detection of its
category in its image.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from deepmark.evaluation.engines.engine import EvaluationInput, Float64Array
from deepmark.evaluation.garment_rows import (
    FloatArray,
    IntArray,
    keypoint_offsets,
    labelled_counts,
    visible_only,
)
from deepmark.evaluation.oks import distance_of_similarity, similarity_to_unlabelled_dense
from deepmark.schema import LandmarkSchema

VIRTUAL_SIGMA = 0.5
VIRTUAL_AREA = 1e4
"""Area of the truths that have a virtual landmark, the same for all: equal similarities must stay
equal, and with areas of their own the rounding would differ."""
_NEARER = 1 - 1e-14  # so that a similarity of exactly a threshold is not lost to rounding


class VirtualLandmarks(NamedTuple):
    """Where truth without landmarks and the detections beside it lie.

    Attributes:
        counts: (C,) virtual landmarks of each category.
        truth_numbers: (N,) virtual landmark of a truth without visible landmarks, from 0; else -1.
        detections: (M,) rows of detections.
        detection_numbers: (M,) their virtual landmark.
        distances: (M,) their distance there, in pixels.
    """

    counts: IntArray
    truth_numbers: IntArray
    detections: IntArray
    detection_numbers: IntArray
    distances: Float64Array


def virtual_landmarks(rows: EvaluationInput) -> VirtualLandmarks:
    """Place virtual landmarks for all truth without visible landmarks; none for 'own_slots'.

    Such truth that has occluded landmarks needs its virtual one for the visible evaluation only.
    """
    truth, schema = rows.truth, rows.schema
    unlabelled = np.flatnonzero(labelled_counts(visible_only(truth), schema) == 0)
    if rows.slots == 'own_slots':
        unlabelled = unlabelled[:0]
    truth_keys, detection_keys = image_label_keys(rows)
    numbers = _number_inside_groups(truth_keys[unlabelled])
    counts = np.zeros(schema.num_categories, np.int64)
    np.maximum.at(counts, truth.labels[unlabelled], numbers + 1)
    truth_numbers = np.full(len(truth), -1, np.int64)
    truth_numbers[unlabelled] = numbers
    which, detected = _pairs(truth_keys[unlabelled], detection_keys)
    beside = unlabelled[which]
    distances = np.zeros(len(detected))
    for label in np.unique(truth.labels[beside]).tolist():
        pairs = np.flatnonzero(truth.labels[beside] == label)
        distances[pairs] = _distances(rows, label, beside[pairs], detected[pairs])
    return VirtualLandmarks(counts, truth_numbers, detected, truth_numbers[beside], distances)


def image_label_keys(rows: EvaluationInput) -> tuple[IntArray, IntArray]:
    """(N,) and (D,) numbers that are equal for rows of the same image and category."""
    images, count = np.unique(rows.image_ids), rows.schema.num_categories
    truth = np.searchsorted(images, rows.truth.image_ids) * count + rows.truth.labels
    detected = np.searchsorted(images, rows.detections.image_ids) * count + rows.detections.labels
    return truth, detected


def dense_areas(keypoints: FloatArray, labels: IntArray, schema: LandmarkSchema) -> Float64Array:
    """(D,) area of the extent of each detection's dense landmarks: its own ones and (0, 0).

    Args:
        keypoints: (P, 2) packed landmarks of at least one detection.
        labels: (D,).
        schema: landmark counts.
    """
    first = keypoint_offsets(labels, schema)[:-1]
    lowest = np.minimum.reduceat(keypoints, first).astype(np.float64)
    highest = np.maximum.reduceat(keypoints, first).astype(np.float64)
    if schema.num_categories > 1:
        lowest, highest = np.minimum(lowest, 0), np.maximum(highest, 0)
    area: Float64Array = (highest - lowest).prod(axis=1)
    return area


def _distances(
    rows: EvaluationInput, label: int, truths: IntArray, detected: IntArray
) -> Float64Array:
    schema, detections = rows.schema, rows.detections
    assert detections.keypoints is not None
    own = np.arange(schema.num_keypoints[label])
    first = keypoint_offsets(detections.labels, schema)[detected]
    keypoints = detections.keypoints[first[:, None] + own].astype(np.float64)
    boxes = rows.truth.boxes_xywh[truths].astype(np.float64)
    others = np.delete(schema.slot_sigmas, schema.slot_offsets[label] + own)
    similarity = similarity_to_unlabelled_dense(keypoints, boxes, schema.sigmas[label, own], others)
    area = np.full(len(similarity), VIRTUAL_AREA)
    return distance_of_similarity(similarity, area, VIRTUAL_SIGMA) * _NEARER


def _number_inside_groups(keys: IntArray) -> IntArray:
    """(n,) 0, 1, ... among the equal keys, in their order."""
    order = np.argsort(keys, kind='stable')
    ordered = keys[order]
    numbers = np.zeros(len(keys), np.int64)
    numbers[order] = np.arange(len(keys)) - np.searchsorted(ordered, ordered)
    return numbers


def _pairs(left: IntArray, right: IntArray) -> tuple[IntArray, IntArray]:
    """Positions (in left, in right) of all pairs of equal keys."""
    order = np.argsort(right, kind='stable')
    ordered = right[order]
    first = np.searchsorted(ordered, left, 'left')
    counts = np.searchsorted(ordered, left, 'right') - first
    which = np.repeat(np.arange(len(left)), counts)
    inside = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    return which, order[first[which] + inside]
