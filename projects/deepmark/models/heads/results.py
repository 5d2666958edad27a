# SPDX-License-Identifier: Apache-2.0
"""From decoded maps to the hosts' result type, in the pixels of the original image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import Tensor

from deepmark.codecs import CenterKeypointCodec, Detections
from deepmark.schema import LandmarkSchema


def input_to_original(metainfo: Mapping[str, Any]) -> Tensor:
    """(2, 3) float64 matrix from input pixels to pixels of the original image.

    ``deepmark.PackLandmarkInputs`` leaves ``inverse_warp_matrix``, mirrored after a flip; mmdet's
    packing leaves ``scale_factor`` (w, h), which says nothing of a flip.

    Raises:
        KeyError: neither is there.
        ValueError: the image was flipped and there is only ``scale_factor``.
    """
    if 'inverse_warp_matrix' in metainfo:
        return torch.as_tensor(np.asarray(metainfo['inverse_warp_matrix'], dtype=np.float64))
    if 'scale_factor' not in metainfo:
        raise KeyError(
            "the data sample has neither 'inverse_warp_matrix' (deepmark.PackLandmarkInputs) nor "
            "'scale_factor' (mmdet.PackDetInputs) in its metainfo: add one to meta_keys, or "
            'predict with rescale=False'
        )
    if metainfo.get('flip'):
        raise ValueError(
            f'the image was flipped ({metainfo.get("flip_direction")}) and its data sample has no '
            "'inverse_warp_matrix': pack it with deepmark.PackLandmarkInputs, take the flip out of "
            'the test pipeline, or predict with rescale=False'
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
        rescale: whether to go that way. A mirrored input comes back with left and right landmarks
            exchanged, as ``deepmark.RandomFlipLandmarks`` exchanges them.
        score_thr: detections with a lower score are dropped.
    """
    results = []
    for index, sample in enumerate(batch_data_samples):
        keep = detections.scores[index] >= score_thr
        labels = detections.labels[index][keep]
        boxes = detections.boxes_xyxy[index][keep] * codec.stride
        keypoints = detections.keypoints[index][keep] * codec.stride
        keypoint_scores = detections.keypoint_scores[index][keep]
        if rescale:
            matrix = input_to_original(sample.metainfo)
            boxes = _transform_boxes(boxes, matrix)
            keypoints = transform_points(keypoints, matrix.to(boxes))
            valid, partner = (table[labels] for table in _tables(codec.schema, labels.device))
            keypoints = keypoints * valid[..., None]
            if torch.linalg.det(matrix[:, :2]) < 0:
                keypoints = keypoints.gather(1, partner[..., None].expand_as(keypoints))
                keypoint_scores = keypoint_scores.gather(1, partner)
        results.append(
            InstanceData(
                bboxes=boxes,
                scores=detections.scores[index][keep],
                labels=labels,
                keypoints=keypoints,
                keypoint_scores=keypoint_scores,
            )
        )
    return results


def _transform_boxes(boxes: Tensor, matrix: Tensor) -> Tensor:
    """Boxes (N, 4) xyxy; a mirror exchanges their sides."""
    corners = transform_points(boxes.unflatten(-1, (2, 2)), matrix.to(boxes))
    if (matrix.diagonal() < 0).any():
        corners = torch.stack([corners.amin(1), corners.amax(1)], dim=1)
    return corners.flatten(1)


@lru_cache(maxsize=16)
def _tables(schema: LandmarkSchema, device: torch.device) -> tuple[Tensor, Tensor]:
    """``keypoint_valid`` and ``flip_index``, both (C, K_max), copied to a device once."""
    tables = schema.keypoint_valid, schema.flip_index
    valid, flip_index = (torch.from_numpy(table.copy()).to(device) for table in tables)
    return valid, flip_index
