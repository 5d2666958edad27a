# SPDX-License-Identifier: Apache-2.0
"""``nms`` and ``softnms`` of ``mmcv._ext``.

Boxes are (N, 4) xyxy, scores (N,). ``offset`` 1 means that x2 and y2 are the last pixel *inside*
the box, so that width = x2 - x1 + 1; this equals ``offset`` 0 with x2 and y2 moved by one.

Legend: N boxes.
"""

from __future__ import annotations

import torch
import torchvision
from torch import Tensor

from deepmark_standins.gradients import computation_dtype

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
    remaining = torch.arange(len(boxes))
    current_scores = scores.clone()
    kept: list[int] = []
    while len(remaining):
        best = int(current_scores[remaining].argmax())
        index = int(remaining[best])
        dets[len(kept), :4] = boxes[index]
        dets[len(kept), 4] = current_scores[index]
        kept.append(index)
        remaining = torch.cat((remaining[:best], remaining[best + 1 :]))
        overlap = _iou_with_one(boxes[index], boxes[remaining], offset)
        current_scores[remaining] *= _decay(overlap, iou_threshold, sigma, method)
        remaining = remaining[~(current_scores[remaining] < min_score)]
    return torch.tensor(kept, dtype=torch.int64)


def _iou_with_one(box: Tensor, others: Tensor, offset: int) -> Tensor:
    """IoU of one box (4,) with others (N, 4), shape (N,)."""
    shift = box.new_tensor([0, 0, offset, offset])
    iou: Tensor = torchvision.ops.box_iou(box[None] + shift, others + shift)[0]
    return iou


def _decay(overlap: Tensor, iou_threshold: float, sigma: float, method: int) -> Tensor:
    """Factor on the score of boxes that overlap the selected one, shape as ``overlap``."""
    ones = torch.ones_like(overlap)
    if method == _NAIVE:
        return torch.where(overlap >= iou_threshold, torch.zeros_like(overlap), ones)
    if method == _LINEAR:
        return torch.where(overlap >= iou_threshold, 1 - overlap, ones)
    if method == _GAUSSIAN:
        return torch.exp(-(overlap**2) / sigma)
    raise ValueError(f'softnms: method must be 0, 1 or 2, got {method}')
