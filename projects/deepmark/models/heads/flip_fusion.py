# SPDX-License-Identifier: Apache-2.0
"""Joins the maps of an image and of its mirror image.

Source: DeepMark (arXiv 1910.01225, section 3: outputs averaged with equal weight); which maps take
part is CenterNet's (xingyizhou/CenterNet at 4c50fd3, ``detectors/multi_pose.py``): heatmaps, sizes
and coarse offsets do, both sub-cell offsets come from the plain image.

Frames: a mirrored input has x -> W s - 1 - x in pixels (W cells, stride s), so a point at cell
coordinate p moves to W - 1/s - p, and the cell i to W - 1 - i. What is measured from the integer
cell, o = p - i, becomes 1 - 1/s - o: at stride 4 a sub-cell offset o becomes 0.75 - o, and a coarse
offset too, which CenterNet merely negates. Only with ``average`` are the decoded boxes and landmark
positions of a mirrored input the mirrored ones; without it they are off by such shifts.

Legend: B images, C categories, G landmark channels, H x W cells, n cells.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from deepmark.codecs import MapReader

FlipOffsets = Literal['unflipped', 'average']


class HeadMaps(NamedTuple):
    """What the codec decodes.

    Attributes:
        center_heatmap: (B, C, H, W) probabilities.
        keypoint_heatmap: (B, G, H, W) probabilities.
        reader: reads the other branches.
    """

    center_heatmap: Tensor
    keypoint_heatmap: Tensor
    reader: MapReader


def fuse_mirrored(
    plain: HeadMaps, mirrored: HeadMaps, flip_index: Tensor, stride: int, offsets: FlipOffsets
) -> HeadMaps:
    """Average an image's maps with those of its mirror image, in the frame of the image.

    Args:
        plain: maps of the image.
        mirrored: maps of the image mirrored left to right.
        flip_index: (G,) int64 channel that shows a channel's landmark in the mirror.
        stride: input pixels per cell.
        offsets: ``'unflipped'``: sub-cell offsets come from ``plain`` and coarse x offsets are
            negated, as in CenterNet. ``'average'``: every offset is mirrored exactly and averaged.
    """
    center = (plain.center_heatmap + mirrored.center_heatmap.flip(-1)) / 2
    keypoints = (plain.keypoint_heatmap + mirrored.keypoint_heatmap.flip(-1)[:, flip_index]) / 2
    width = center.shape[-1]
    reader = _FusedReader(plain.reader, mirrored.reader, width, flip_index, stride, offsets)
    return HeadMaps(center, keypoints, reader)


class _FusedReader:
    """Reads cells of two maps and averages them."""

    def __init__(
        self,
        plain: MapReader,
        mirrored: MapReader,
        width: int,
        flip_index: Tensor,
        stride: int,
        offsets: FlipOffsets,
    ) -> None:
        self._plain, self._mirrored = plain, mirrored
        self._width = width
        self._flip_index = flip_index
        self._average = offsets == 'average'
        self._shift = 1 - 1 / stride if self._average else 0.0
        self._last_cells: tuple[Tensor, Tensor] | None = None

    def read(self, branch: str, cells: Tensor) -> Tensor:
        """Values (B, n, channels) at integer cells (B, n, 2) of the plain image."""
        value = self._plain.read(branch, cells)
        if branch in ('center_offset', 'keypoint_offset') and not self._average:
            return value
        other = self._mirrored.read(branch, self._mirror_cells(cells))
        if branch == 'coarse_keypoints':
            other = other.unflatten(-1, (-1, 2))[:, :, self._flip_index]
            other = self._mirror_x(other).flatten(2)
        elif branch != 'box_size':
            other = self._mirror_x(other)
        return (value + other) / 2

    def _mirror_x(self, offset_xy: Tensor) -> Tensor:
        x, y = offset_xy.unbind(-1)
        return torch.stack([self._shift - x, y], dim=-1)

    def _mirror_cells(self, cells: Tensor) -> Tensor:
        # The readers gather once for each tensor of cells, which they know by its identity.
        if self._last_cells is None or self._last_cells[0] is not cells:
            x, y = cells.unbind(-1)
            self._last_cells = cells, torch.stack([self._width - 1 - x, y], dim=-1)
        return self._last_cells[1]
