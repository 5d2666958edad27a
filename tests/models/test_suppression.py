# SPDX-License-Identifier: Apache-2.0
"""NMS that carries landmarks along, thresholds and the limit."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from mmengine.structures import InstanceData

from deepmark.models.heads import InferenceStrategy

SOFT = {'type': 'soft_nms', 'method': 'gaussian', 'sigma': 0.5, 'min_score': 0.001, 'offset': 1}


def garments(rows: list[tuple[list[float], float, int]]) -> InstanceData:
    """Boxes, scores, labels; garment n has the landmark (n, n)."""
    number = torch.arange(len(rows), dtype=torch.float32)
    return InstanceData(
        bboxes=torch.tensor([row[0] for row in rows]).view(-1, 4),
        scores=torch.tensor([row[1] for row in rows]),
        labels=torch.tensor([row[2] for row in rows], dtype=torch.long),
        keypoints=number.view(-1, 1, 1).expand(-1, 1, 2).clone(),
    )


def who(instances: InstanceData) -> list[int]:
    return [int(n) for n in instances.keypoints[:, 0, 0]]


OVERLAPPING = [
    # Counted as x2 - x1 + 1 both are 10 x 10 pixels and share 5 x 10: IoU 50 / 150.
    ([0.0, 0.0, 9.0, 9.0], 0.9, 0),
    ([5.0, 0.0, 14.0, 9.0], 0.8, 0),
    ([5.0, 0.0, 14.0, 9.0], 0.7, 1),  # another category
]


def test_soft_nms_by_hand() -> None:
    kept = InferenceStrategy(nms=SOFT).suppress(garments(OVERLAPPING))
    lowered = 0.8 * math.exp(-((1 / 3) ** 2) / 0.5)
    assert kept.scores.tolist() == pytest.approx([0.9, 0.7, lowered], rel=1e-4)
    assert who(kept) == [0, 2, 1]
    assert kept.labels.tolist() == [0, 1, 0]


def test_without_nms_only_the_order_changes() -> None:
    kept = InferenceStrategy().suppress(garments(OVERLAPPING[::-1]))
    assert who(kept) == [2, 1, 0]
    assert kept.scores.tolist() == pytest.approx([0.9, 0.8, 0.7])


def test_categories_stay_apart_left_of_the_image() -> None:
    boxes = [([0.0, 0.0, 100.0, 100.0], 0.9, 0), ([-90.0, -90.0, 100.0, 100.0], 0.8, 1)]
    kept = InferenceStrategy(nms=SOFT).suppress(garments(boxes))
    assert kept.scores.tolist() == pytest.approx([0.9, 0.8])
    assert kept.bboxes[1].tolist() == [-90.0, -90.0, 100.0, 100.0]


def test_hard_nms() -> None:
    nms = {'type': 'nms', 'iou_threshold': 0.3}  # here IoU 36 / 126
    boxes = [([0.0, 0.0, 9.0, 9.0], 0.9, 0), ([4.0, 0.0, 13.0, 9.0], 0.8, 0)]  # IoU 45 / 117
    assert who(InferenceStrategy(nms=nms).suppress(garments(boxes))) == [0]


def test_threshold_and_limit_count_after_nms() -> None:
    strategy = InferenceStrategy(nms=SOFT, score_thr=0.65)
    assert who(strategy.suppress(garments(OVERLAPPING))) == [0, 2]
    strategy = InferenceStrategy(nms=SOFT, max_per_img=1)
    assert who(strategy.suppress(garments(OVERLAPPING))) == [0]
    assert len(InferenceStrategy(max_per_img=None).suppress(garments(OVERLAPPING * 50))) == 150


@pytest.mark.parametrize('nms', [None, SOFT])
def test_no_garments(nms: Any) -> None:
    assert len(InferenceStrategy(nms=nms).suppress(garments([]))) == 0


def soft_nms(boxes: torch.Tensor, scores: torch.Tensor) -> list[tuple[int, float]]:
    """The paper's loop (Bodla et al. 2017, figure 2), box by box; widths are x2 - x1 + 1."""
    left = {n: float(score) for n, score in enumerate(scores)}
    kept = []
    while left:
        best = max(left, key=lambda n: left[n])
        kept.append((best, left.pop(best)))
        for n in list(left):
            (x1, y1, x2, y2), (u1, v1, u2, v2) = boxes[best].tolist(), boxes[n].tolist()
            width = min(x2, u2) - max(x1, u1) + 1
            height = min(y2, v2) - max(y1, v1) + 1
            if width > 0 and height > 0:
                areas = (x2 - x1 + 1) * (y2 - y1 + 1) + (u2 - u1 + 1) * (v2 - v1 + 1)
                left[n] *= math.exp(-((width * height / (areas - width * height)) ** 2) / 0.5)
            if left[n] < 0.001:
                del left[n]
    return kept


def test_soft_nms_is_the_published_loop_in_each_category() -> None:
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(60, 2, generator=generator) * 100
    boxes = torch.cat([corner, corner + 20 + torch.rand(60, 2, generator=generator) * 60], dim=1)
    scores = torch.rand(60, generator=generator)
    labels = torch.arange(60) % 3
    found = InferenceStrategy(nms=SOFT).suppress(
        garments(list(zip(boxes.tolist(), scores.tolist(), labels.tolist(), strict=True)))
    )
    expected = {}
    for label in range(3):
        rows = (labels == label).nonzero()[:, 0]
        kept = soft_nms(boxes[rows], scores[rows])
        expected.update({int(rows[n]): score for n, score in kept})
    assert set(who(found)) == set(expected)
    for n, score in zip(who(found), found.scores.tolist(), strict=True):
        assert score == pytest.approx(expected[n], abs=1e-4)
    assert (found.scores[:-1] >= found.scores[1:]).all()


def test_bad_switches_are_named() -> None:
    with pytest.raises(ValueError, match="flip_offsets is 'both', must be one of 'unflipped'"):
        InferenceStrategy(flip_offsets='both')  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="has no 'type'"):
        InferenceStrategy(nms={'iou_threshold': 0.5})
