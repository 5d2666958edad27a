# SPDX-License-Identifier: Apache-2.0
"""nms and softnms through mmcv's own functions, against hand-computed values and a naive loop."""

from __future__ import annotations

import math

import pytest
import torch
from mmcv.ops import batched_nms, nms, soft_nms
from torch import Tensor

from deepmark_standins.nms import softnms


def naive_nms(boxes: Tensor, scores: Tensor, threshold: float, offset: int) -> list[int]:
    """Greedy suppression as a double loop, with the width x2 - x1 + offset."""
    kept: list[int] = []
    for i in scores.argsort(descending=True).tolist():
        if all(naive_iou(boxes[i], boxes[j], offset) <= threshold for j in kept):
            kept.append(i)
    return kept


def naive_iou(a: Tensor, b: Tensor, offset: int) -> float:
    ax1, ay1, ax2, ay2 = a.tolist()
    bx1, by1, bx2, by2 = b.tolist()
    width = max(0.0, min(ax2, bx2) - max(ax1, bx1) + offset)
    height = max(0.0, min(ay2, by2) - max(ay1, by1) + offset)
    area_a = (ax2 - ax1 + offset) * (ay2 - ay1 + offset)
    area_b = (bx2 - bx1 + offset) * (by2 - by1 + offset)
    return width * height / (area_a + area_b - width * height)


def random_boxes(n: int) -> tuple[Tensor, Tensor]:
    corner = torch.rand(n, 2) * 40
    return torch.cat((corner, corner + 5 + torch.rand(n, 2) * 20), dim=1), torch.rand(n)


@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('threshold', [0.2, 0.5, 0.8])
def test_nms_equals_the_naive_loop(offset: int, threshold: float, device: torch.device) -> None:
    boxes, scores = random_boxes(60)
    dets, kept = nms(boxes.to(device), scores.to(device), threshold, offset=offset)
    assert kept.tolist() == naive_nms(boxes, scores, threshold, offset)
    assert torch.equal(dets.cpu(), torch.cat((boxes, scores[:, None]), dim=1)[kept.cpu()])


def test_nms_offset_decides_at_the_threshold(device: torch.device) -> None:
    # offset 0: 8 x 1 of 10 x 1 -> IoU 0.8; offset 1: 9 x 2 of 11 x 2 -> IoU 0.818.
    boxes = torch.tensor([[0.0, 0, 10, 1], [0, 0, 8, 1]], device=device)
    scores = torch.tensor([0.9, 0.8], device=device)
    assert nms(boxes, scores, 0.81, offset=0)[1].tolist() == [0, 1]
    assert nms(boxes, scores, 0.81, offset=1)[1].tolist() == [0]


def test_nms_of_nothing_is_nothing(device: torch.device) -> None:
    dets, kept = nms(torch.zeros(0, 4, device=device), torch.zeros(0, device=device), 0.5)
    assert dets.shape == (0, 5)
    assert kept.shape == (0,)


def test_nms_takes_half_precision(device: torch.device) -> None:
    boxes = torch.tensor([[0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]], dtype=torch.bfloat16)
    scores = torch.tensor([0.5, 0.75, 0.25], dtype=torch.bfloat16)
    assert nms(boxes.to(device), scores.to(device), 0.5)[1].tolist() == [1, 2]


def test_batched_nms_keeps_the_classes_apart(device: torch.device) -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10]], device=device)
    scores = torch.tensor([0.9, 0.8, 0.7], device=device)
    labels = torch.tensor([0, 1, 0], device=device)
    kept = batched_nms(boxes, scores, labels, dict(type='nms', iou_threshold=0.5))[1]
    assert kept.tolist() == [0, 1]


# Box 1 covers 0.4 of box 0 (their IoU), box 2 is far away.
BOXES = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 4], [50, 50, 60, 60]])
SCORES = torch.tensor([0.9, 0.8, 0.5])


@pytest.mark.parametrize(
    ('method', 'decayed'),
    [('linear', 0.8 * (1 - 0.4)), ('gaussian', 0.8 * math.exp(-0.16 / 0.5))],
)
def test_softnms_decays_by_the_overlap(method: str, decayed: float) -> None:
    dets, kept = soft_nms(BOXES, SCORES, iou_threshold=0.3, sigma=0.5, method=method)
    expected = sorted([(0.9, 0), (decayed, 1), (0.5, 2)], reverse=True)
    assert kept.tolist() == [index for _, index in expected]
    assert dets[:, 4].tolist() == pytest.approx([score for score, _ in expected])
    assert torch.equal(dets[:, :4], BOXES[kept])


def test_softnms_naive_removes_and_linear_spares_what_is_below_the_threshold() -> None:
    assert soft_nms(BOXES, SCORES, iou_threshold=0.35, method='naive')[1].tolist() == [0, 2]
    half = BOXES + torch.tensor([[0.0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]])  # IoU 0.5
    assert soft_nms(half, SCORES, iou_threshold=0.5, method='naive')[1].tolist() == [0, 2]
    assert soft_nms(BOXES, SCORES, iou_threshold=0.6, method='linear')[0][:, 4].tolist() == (
        pytest.approx([0.9, 0.8, 0.5])
    )


def test_softnms_offset_is_the_last_pixel_inside() -> None:
    inside = BOXES - torch.tensor([0, 0, 1, 1])
    with_offset = soft_nms(inside, SCORES, method='gaussian', offset=1)[0][:, 4]
    assert with_offset.tolist() == soft_nms(BOXES, SCORES, method='gaussian')[0][:, 4].tolist()


def test_softnms_min_score_drops_all_but_the_best() -> None:
    assert soft_nms(BOXES, SCORES, iou_threshold=0.3, min_score=0.49)[1].tolist() == [0, 2]
    assert soft_nms(BOXES, SCORES, iou_threshold=0.3, min_score=0.95)[1].tolist() == [0]


def test_softnms_leaves_its_input_alone() -> None:
    scores = SCORES.clone()
    soft_nms(BOXES, scores, method='gaussian')
    assert torch.equal(scores, SCORES)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_softnms_in_half_precision_of_large_boxes(dtype: torch.dtype) -> None:
    # 300 x 300 pixels are more than float16 holds; IoU of the first two 1/3, as in whole numbers.
    boxes = torch.tensor([[0.0, 0, 300, 300], [150, 0, 450, 300], [500, 0, 800, 300]]).to(dtype)
    scores = torch.tensor([0.75, 0.5, 0.25]).to(dtype)
    dets, kept = mmcv_ext_softnms(boxes, scores)
    assert kept.tolist() == [0, 1, 2]
    assert dets[:, 4].tolist() == pytest.approx([0.75, 0.5 * math.exp(-2 / 9), 0.25], rel=1e-2)


def mmcv_ext_softnms(
    boxes: torch.Tensor, scores: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The op itself: mmcv's function around it makes a float32 buffer."""
    dets = boxes.new_zeros(len(boxes), 5)
    kept = softnms(boxes, scores, dets, 0.3, 0.5, 1e-3, 2, 0)
    return dets[: len(kept)], kept
