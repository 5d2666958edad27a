# SPDX-License-Identifier: Apache-2.0
"""Results of a loading pipeline, made by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import PolygonMasks

from deepmark.schema import DEEPFASHION2

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def make_results() -> Make:
    """Results with an image of (H, W) and skirts (label 8, 8 landmarks), one for each box."""

    def make(
        boxes: Sequence[Sequence[float]] = ((1, 1, 3, 4),),
        landmarks: Sequence[Sequence[float]] = (),
        hw: tuple[int, int] = (5, 7),
        image: np.ndarray | None = None,
    ) -> dict[str, Any]:
        count, columns = len(boxes), DEEPFASHION2.max_keypoints
        keypoints = np.zeros((count, columns, 2), np.float32)
        visible = np.zeros((count, columns), np.uint8)
        for column, (x, y, v) in enumerate(landmarks):
            keypoints[:, column] = x, y
            visible[:, column] = v
        corners = [np.array([x1, y1, x2, y1, x2, y2], np.float64) for x1, y1, x2, y2 in boxes]
        if image is None:
            image = np.arange(hw[0] * hw[1] * 3, dtype=np.uint8).reshape(*hw, 3)
        return {
            'img': image,
            'img_path': 'photo.jpg',
            'img_shape': image.shape[:2],
            'ori_shape': image.shape[:2],
            'gt_bboxes': HorizontalBoxes(torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)),
            'gt_bboxes_labels': np.full(count, 8, np.int64),
            'gt_ignore_flags': np.zeros(count, bool),
            'gt_keypoints': keypoints,
            'gt_keypoints_visible': visible,
            'gt_masks': PolygonMasks([[corner] for corner in corners], *image.shape[:2]),
        }

    return make
