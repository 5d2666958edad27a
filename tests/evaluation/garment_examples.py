# SPDX-License-Identifier: Apache-2.0
"""Small truth and detection rows for the tests, written so that a pencil can follow."""

from __future__ import annotations

import numpy as np

from deepmark.evaluation.garment_rows import DetectionRows, TruthRows, own_landmarks
from deepmark.schema import DEEPFASHION2

SKIRT, TROUSERS = 8, 7  # labels; 8 and 14 landmarks


def skirt_truth(image_id: int = 1, x: float = 0, visibility: int = 2) -> TruthRows:
    """One skirt with the box 100 x 50 at (x, 0), its landmarks 10 pixels apart on a line."""
    keypoints = np.array([(x + 10 * k, 20, visibility) for k in range(8)], float)
    if visibility == 0:
        keypoints[:] = 0
    return TruthRows(
        image_ids=np.array([image_id]),
        labels=np.array([SKIRT]),
        boxes_xywh=np.array([[x, 0, 100, 50]], float),
        crowd=np.array([False]),
        keypoints=keypoints,
    )


def found(truth: TruthRows, score: float = 0.9) -> DetectionRows:
    """Detections that lie exactly on the truth."""
    return DetectionRows(
        image_ids=truth.image_ids,
        labels=truth.labels,
        boxes_xywh=truth.boxes_xywh,
        scores=np.full(len(truth), score),
        keypoints=truth.keypoints[:, :2].copy(),
    )


def random_rows(seed: int, images: int = 12) -> tuple[TruthRows, DetectionRows]:
    """Random garments of all categories, found inexactly and with false alarms; scores tie."""
    rng = np.random.default_rng(seed)
    schema = DEEPFASHION2
    count = images * 3
    labels = rng.integers(0, schema.num_categories, count)
    boxes = np.hstack([rng.integers(0, 200, (count, 2)), rng.integers(20, 150, (count, 2))])
    padded = rng.random((count, schema.max_keypoints, 2)) * boxes[:, None, 2:] + boxes[:, None, :2]
    keypoints = own_landmarks(padded, labels, schema)
    visibility = rng.integers(0, 3, len(keypoints))
    image_ids = np.sort(rng.integers(1, images + 1, count))
    truth = TruthRows(
        image_ids=image_ids,
        labels=labels,
        boxes_xywh=boxes.astype(np.float32),
        crowd=rng.random(count) < 0.05,
        keypoints=np.column_stack([keypoints, visibility]).astype(np.float32),
    )
    detections = DetectionRows(
        image_ids=image_ids,
        labels=labels,
        boxes_xywh=(boxes + rng.normal(0, 4, boxes.shape)).astype(np.float32),
        scores=rng.choice([0.2, 0.5, 0.5, 0.9], count).astype(np.float32),
        keypoints=(keypoints + rng.normal(0, 3, keypoints.shape)).astype(np.float32),
    )
    return truth, detections
