# SPDX-License-Identifier: Apache-2.0
"""``nms`` and ``softnms`` of ``mmcv._ext``.

Boxes are (N, 4) xyxy, scores (N,). ``offset`` 1 means that x2 and y2 are the last pixel *inside*
the box, so that width = x2 - x1 + 1; this equals ``offset`` 0 with x2 and y2 moved by one.

Legend: N boxes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torchvision
from torch import Tensor

from deepmark_standins.gradients import computation_dtype

FloatArray = npt.NDArray[Any]

_NAIVE, _LINEAR, _GAUSSIAN = 0, 1, 2


def nms(bboxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Return the kept indices, int64 (K,), by falling score."""
    dtype = computation_dtype(bboxes)
    shift = bboxes.new_tensor([0, 0, offset, offset], dtype=dtype)
    kept: Tensor = torchvision.ops.nms(bboxes.to(dtype) + shift, scores.to(dtype), iou_threshold)
    return kept


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Soft-NMS (Bodla et al., ICCV 2017), in the order and with the thresholds of mmcv.

    Args:
        dets: Buffer (N, 5); its first K rows become x1, y1, x2, y2 and the decayed score.
        method: 0 removes overlapping boxes, 1 decays linearly, 2 by a Gaussian of width sigma.

    Returns:
        Indices of the kept boxes, int64 (K,), in the order of selection. Like mmcv, the box with
        the highest score is kept even when its score is below ``min_score``.
    """
    # numpy: a step on a hundred numbers costs a torch operation ten times as much.
    last_pixel = np.array([0, 0, offset, offset], dtype=np.float32)
    corners = boxes.detach().to(computation_dtype(boxes)).numpy() + last_pixel
    current_scores = scores.detach().to(computation_dtype(scores)).numpy().copy()
    remaining = np.arange(len(boxes))
    kept: list[int] = []
    while len(remaining):
        best = int(current_scores[remaining].argmax())
        index = int(remaining[best])
        kept.append(index)
        remaining = np.concatenate((remaining[:best], remaining[best + 1 :]))
        overlap = _iou_with_one(corners[index], corners[remaining])
        current_scores[remaining] *= _decay(overlap, iou_threshold, sigma, method)
        remaining = remaining[~(current_scores[remaining] < min_score)]
    selected = torch.tensor(kept, dtype=torch.int64)
    dets[: len(kept), :4] = boxes[selected]
    dets[: len(kept), 4] = torch.from_numpy(current_scores)[selected].to(dets.dtype)
    return selected


def _iou_with_one(box: FloatArray, others: FloatArray) -> FloatArray:
    """IoU of one box (4,) with others (N, 4), shape (N,)."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    intersection = sides.clip(min=0).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    union = (box[2] - box[0]) * (box[3] - box[1]) + areas - intersection
    iou: FloatArray = intersection / np.where(union > 0, union, 1)
    return iou


def _decay(overlap: FloatArray, iou_threshold: float, sigma: float, method: int) -> FloatArray:
    """Factor on the score of boxes that overlap the selected one, shape as ``overlap``."""
    if method == _NAIVE:
        return np.where(overlap >= iou_threshold, 0, 1).astype(overlap.dtype)
    if method == _LINEAR:
        return np.where(overlap >= iou_threshold, 1 - overlap, 1).astype(overlap.dtype)
    if method == _GAUSSIAN:
        decay: FloatArray = np.exp(-(overlap**2) / sigma)
        return decay
    raise ValueError(f'softnms: method must be 0, 1 or 2, got {method}')
