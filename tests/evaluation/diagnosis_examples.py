# SPDX-License-Identifier: Apache-2.0
"""Detections that are wrong in a known way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deepmark.evaluation.garment_rows import DetectionRows
from deepmark.schema import DEEPFASHION2

SHORTS = 6  # label; 10 landmarks


def as_shorts(rows: DetectionRows) -> DetectionRows:
    """The same boxes, taken for shorts, with all landmarks at (0, 0)."""
    count = int(DEEPFASHION2.num_keypoints[SHORTS]) * len(rows)
    return replace(rows, labels=np.full(len(rows), SHORTS), keypoints=np.zeros((count, 2)))


def moved(rows: DetectionRows, x: float) -> DetectionRows:
    """Boxes and landmarks moved to the right."""
    assert rows.keypoints is not None
    return replace(
        rows,
        boxes_xywh=rows.boxes_xywh + np.array([x, 0, 0, 0]),
        keypoints=rows.keypoints + np.array([x, 0]),
    )
