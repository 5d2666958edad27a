# SPDX-License-Identifier: Apache-2.0
"""From decoded maps to the hosts' result type, in the pixels of the original image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import Tensor

from deepmark.codecs import CenterKeypointCodec, Detections


def input_to_original(metainfo: Mapping[str, Any]) -> Tensor:
    """(2, 3) float64 matrix from input pixels to pixels of the original image.

    Our own transforms leave ``inverse_warp_matrix``; mmdet's leave ``scale_factor`` (w, h) and
    perhaps a horizontal ``flip``.

    Raises:
        KeyError: neither is there.
    """
    if 'inverse_warp_matrix' in metainfo:
        return torch.as_tensor(np.asarray(metainfo['inverse_warp_matrix'], dtype=np.float64))
    if 'scale_factor' not in metainfo:
        raise KeyError(
            "the data sample has neither 'inverse_warp_matrix' (deepmark.PackLandmarkInputs) nor "
            "'scale_factor' (mmdet.PackDetInputs) in its metainfo: add one to meta_keys, or "
            'predict with rescale=False'
        )
    scale_x, scale_y = metainfo['scale_factor'][:2]
    return torch.tensor([[1 / scale_x, 0, 0], [0, 1 / scale_y, 0]], dtype=torch.float64)


def transform_points(points: Tensor, matrix: Tensor) -> Tensor:
    """Apply a (2, 3) affine matrix to points (..., 2)."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def detections_to_instances(
    detections: Detections,
    codec: CenterKeypointCodec,
    batch_data_samples: Sequence[DetDataSample],
    rescale: bool,
    score_thr: float,
) -> list[InstanceData]:
    """One InstanceData an image.

    Args:
        detections: in output cells, padded columns 0.
        codec: that decoded them.
        batch_data_samples: for the way back to the original image.
        rescale: whether to go that way.
        score_thr: detections with a lower score are dropped.
    """
    valid_table = torch.from_numpy(codec.schema.keypoint_valid.copy())
    valid_table = valid_table.to(detections.labels.device)
    results = []
    for index, sample in enumerate(batch_data_samples):
        keep = detections.scores[index] >= score_thr
        labels = detections.labels[index][keep]
        boxes = detections.boxes_xyxy[index][keep].unflatten(-1, (2, 2)) * codec.stride
        keypoints = detections.keypoints[index][keep] * codec.stride
        if rescale:
            matrix = input_to_original(sample.metainfo).to(boxes)
            boxes = transform_points(boxes, matrix)
            keypoints = transform_points(keypoints, matrix) * valid_table[labels][..., None]
        results.append(
            InstanceData(
                bboxes=boxes.flatten(1),
                scores=detections.scores[index][keep],
                labels=labels,
                keypoints=keypoints,
                keypoint_scores=detections.keypoint_scores[index][keep],
            )
        )
    return results
