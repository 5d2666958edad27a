# SPDX-License-Identifier: Apache-2.0
"""What one batch of garments asks of the maps: the codec's encoded form.

Legend: B images, N garments and L landmarks of the batch, K_max landmarks of the longest list,
G landmark channels.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from deepmark.codecs.gaussian import HeatmapSupport


class Garments(NamedTuple):
    """Garments of a batch, one row each, network input pixels.

    Attributes:
        image_index: (N,) int64 image of the batch, ascending.
        labels: (N,) int64.
        boxes_xyxy: (N, 4) float32.
        keypoints: (N, K_max, 2) float32.
        visible: (N, K_max) bool, true where a landmark is labelled (visible or occluded).
    """

    image_index: Tensor
    labels: Tensor
    boxes_xyxy: Tensor
    keypoints: Tensor
    visible: Tensor


class CenterKeypointTargets(NamedTuple):
    """Targets of the six branches, in output cells.

    Attributes:
        image_index: (N,) int64.
        center_cell: (N, 2) int64 (x, y) integer centre.
        box_size: (N, 2) float32 (w, h) of the box clipped to the map.
        center_offset: (N, 2) float32 centre minus integer centre, in [0, 1).
        box_weight: (N,) float32, 0 where size and offset do not train.
        channels: (N, K_max) int64 landmark channel, 0 where ``coarse_weight`` is 0.
        coarse_keypoints: (N, K_max, 2) float32 landmark minus integer centre.
        coarse_weight: (N, K_max) float32, 1 where a landmark lies on the map.
        keypoint_image_index: (L,) int64.
        keypoint_cell: (L, 2) int64 (x, y).
        keypoint_offset: (L, 2) float32 landmark minus its cell, in [0, 1).
        center_support: target of the centre heatmaps, maps (B * C).
        keypoint_support: target of the landmark heatmaps, maps (B * G).
    """

    image_index: Tensor
    center_cell: Tensor
    box_size: Tensor
    center_offset: Tensor
    box_weight: Tensor
    channels: Tensor
    coarse_keypoints: Tensor
    coarse_weight: Tensor
    keypoint_image_index: Tensor
    keypoint_cell: Tensor
    keypoint_offset: Tensor
    center_support: HeatmapSupport
    keypoint_support: HeatmapSupport
