# SPDX-License-Identifier: Apache-2.0
"""Dense maps made from sparse targets, for tests on tiny maps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from deepmark.codecs import CenterKeypointTargets
from deepmark.codecs.gaussian import HeatmapSupport


def dense_heatmap(support: HeatmapSupport, shape: tuple[int, int, int, int]) -> Tensor:
    """The target heatmaps (B, C, H, W) that a support stands for."""
    flat = torch.zeros(shape).flatten()
    flat[support.position] = support.value
    return flat.view(shape)


@dataclass
class DenseMaps:
    """Reads dense maps cell by cell, as decoder and losses want it."""

    maps: dict[str, Tensor]

    def read(self, branch: str, cells: Tensor) -> Tensor:
        image = torch.arange(len(cells))[:, None]
        return self.maps[branch][image, :, cells[..., 1], cells[..., 0]]

    def read_flat(self, branch: str, image_index: Tensor, cells: Tensor) -> Tensor:
        return self.maps[branch][image_index, :, cells[:, 1], cells[:, 0]]


def perfect_maps(
    targets: CenterKeypointTargets, batch: int, num_slots: int, height: int, width: int
) -> DenseMaps:
    """Regression maps that answer every question of the decoder rightly."""
    maps = {
        name: torch.zeros(batch, channels, height, width)
        for name, channels in (
            ('box_size', 2),
            ('center_offset', 2),
            ('coarse_keypoints', 2 * num_slots),
            ('keypoint_offset', 2),
        )
    }
    image, (x, y) = targets.image_index, targets.center_cell.unbind(1)
    maps['box_size'][image, :, y, x] = targets.box_size
    maps['center_offset'][image, :, y, x] = targets.center_offset
    for n in range(len(image)):
        for k in targets.coarse_weight[n].nonzero().flatten().tolist():
            slot = int(targets.channels[n, k])
            maps['coarse_keypoints'][image[n], 2 * slot : 2 * slot + 2, y[n], x[n]] = (
                targets.coarse_keypoints[n, k]
            )
    x, y = targets.keypoint_cell.unbind(1)
    maps['keypoint_offset'][targets.keypoint_image_index, :, y, x] = targets.keypoint_offset
    return DenseMaps(maps)
