# SPDX-License-Identifier: Apache-2.0
"""Garments as mmpose's YOLOX-Pose wants its instances: every list padded to the longest one.

Legend: N garments, K_max landmarks of the longest list.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from deepmark.schema import LandmarkSchema


def padded_targets(
    truth: InstanceData, schema: LandmarkSchema, device: torch.device
) -> InstanceData:
    """The fields that ``YOLOXPoseHead`` reads of an image's garments.

    Garments without a labelled landmark are left out, as mmpose's FilterAnnotations does: their OKS
    is nothing that could be learnt.

    Args:
        truth: ``gt_instances`` of ``deepmark.PackLandmarkInputs``, in input pixels.
        schema: categories and landmarks.
        device: of the result.

    Returns:
        bboxes (N, 4) x1 y1 x2 y2, labels (N,), keypoints (N, K_max, 2), keypoints_visible
        (N, K_max) 1 where labelled, keypoints_visible_weights (N, K_max) 0 in the padding, areas
        (N, K_max): box area times ``(2 sigma)^2`` of each landmark of the own category.

    Raises:
        ValueError: no landmarks, or those of another schema.
    """
    points, visible = _landmarks(truth, schema, device)
    labelled = visible.any(dim=1)
    boxes = getattr(truth.bboxes, 'tensor', truth.bboxes).to(device).float()[labelled]
    labels = truth.labels.to(device)[labelled]
    valid, units = (table[labels] for table in _tables(schema, device))
    area = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    return InstanceData(
        bboxes=boxes,
        labels=labels,
        keypoints=points[labelled],
        keypoints_visible=visible[labelled].float(),
        keypoints_visible_weights=valid,
        areas=area[:, None] * units,
    )


def valid_keypoints(schema: LandmarkSchema, labels: Tensor) -> Tensor:
    """(N, K_max) 1 where the category of a label has a landmark, 0 in the padding."""
    valid, _ = _tables(schema, labels.device)
    return valid[labels]


def _landmarks(
    truth: InstanceData, schema: LandmarkSchema, device: torch.device
) -> tuple[Tensor, Tensor]:
    expected = (len(truth), schema.max_keypoints, 2)
    found = tuple(truth.keypoints.shape) if 'keypoints' in truth else 'nothing'
    if found != expected:
        raise ValueError(
            f'the ground truth has keypoints of shape {found}, expected {expected}. Fix: list '
            'deepmark.LoadLandmarks and deepmark.PackLandmarkInputs in the pipeline, and give data '
            'set, transforms and head the same schema'
        )
    points = torch.as_tensor(truth.keypoints, dtype=torch.float32, device=device)
    return points, torch.as_tensor(truth.keypoints_visible, device=device) > 0


@lru_cache(maxsize=16)
def _tables(schema: LandmarkSchema, device: torch.device) -> tuple[Tensor, Tensor]:
    """``keypoint_valid`` and ``(2 sigma)^2``, both (C, K_max) float32, copied to a device once."""
    valid = torch.tensor(schema.keypoint_valid, dtype=torch.float32, device=device)
    units = torch.tensor((2 * schema.sigmas) ** 2, dtype=torch.float32, device=device)
    return valid, units
