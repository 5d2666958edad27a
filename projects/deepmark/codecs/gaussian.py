# SPDX-License-Identifier: Apache-2.0
"""Gaussian heatmap targets without dense maps.

A target heatmap is zero but for small discs around a few cells. Here only these cells are made, as
flat positions in the maps and the value there.

Legend: N Gaussians, P cells in all their windows, M maps of height H and width W. Coordinates are
cells of the output map, x before y.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

RadiusRule = Literal['centernet', 'corrected']


class HeatmapSupport(NamedTuple):
    """Where a stack of target heatmaps is not zero.

    Attributes:
        position: (P,) int64 flat index into maps of shape (M, H, W), every index once.
        value: (P,) float32 in (0, 1]; 1 exactly at the centres.
    """

    position: Tensor
    value: Tensor


def gaussian_radius(
    size_wh: Tensor, min_overlap: float = 0.7, rule: RadiusRule = 'centernet'
) -> Tensor:
    """How far a centre may be off so that the box still overlaps the truth by ``min_overlap``.

    Three ways of being off give three quadratic equations; the smallest root wins. CenterNet (at
    4c50fd3, ``src/lib/utils/image.py``) divides by 2 where 2a is due and takes the larger root of
    the first two, which gives 20.6 cells for a box of 60 x 100 where 6.1 is right. The published
    models were trained with that, so it is the default.

    Args:
        size_wh: (N, 2) whole box sizes, cells.
        min_overlap: intersection over union that must be left.
        rule: ``'centernet'`` for the formula as published, ``'corrected'`` for the right roots.

    Returns:
        (N,) radii, cells, not rounded.

    Raises:
        ValueError: unknown rule.

    Example:
        >>> box = torch.tensor([[60.0, 100.0]])
        >>> round(gaussian_radius(box).item(), 1)
        20.6
        >>> round(gaussian_radius(box, rule='corrected').item(), 1)
        6.1
    """
    if rule not in ('centernet', 'corrected'):
        raise ValueError(f"radius rule {rule!r} is neither 'centernet' nor 'corrected'")
    # float64 for the original's roots to the last bit; Apple's GPUs have none.
    size = (size_wh.cpu() if size_wh.device.type == 'mps' else size_wh).double()
    total, area = size.sum(dim=1), size.prod(dim=1)
    # a r^2 + b r + c = 0, and the sign of the root that bounds r, for: both corners shifted alike,
    # the box inside the truth, the truth inside the box.
    quadratics = (
        (1.0, -total, area * (1 - min_overlap) / (1 + min_overlap), -1),
        (4.0, -2 * total, area * (1 - min_overlap), -1),
        (4.0 * min_overlap, 2 * min_overlap * total, -area * (1 - min_overlap), 1),
    )
    radii = []
    for a, b, c, sign in quadratics:
        root = (b * b - 4 * a * c).clamp(min=0).sqrt()
        original = (-b + root) / 2
        radii.append(original if rule == 'centernet' else (-b + sign * root) / (2 * a))
    return torch.stack(radii).amin(dim=0).to(size_wh)


def gaussian_support(
    map_index: Tensor, cells: Tensor, radius: Tensor, map_size_hw: tuple[int, int]
) -> HeatmapSupport:
    """Cells of N Gaussians; where several in one map overlap, the maximum holds.

    The value at (dx, dy) from the centre is exp(-(dx^2 + dy^2) / (2 sigma^2)) with
    sigma = (2 radius + 1) / 6, cut to the square of half side ``radius`` and to the map.

    Args:
        map_index: (N,) int64 map that each Gaussian is drawn into.
        cells: (N, 2) int64 (x, y), inside the map.
        radius: (N,) int64 >= 0.
        map_size_hw: height and width of a map.
    """
    height, width = map_size_hw
    side = 2 * radius + 1
    owner = torch.repeat_interleave(torch.arange(len(cells), device=cells.device), side * side)
    window_start = torch.cumsum(side * side, dim=0) - side * side
    within = torch.arange(len(owner), device=cells.device) - window_start[owner]
    row = torch.div(within, side[owner], rounding_mode='floor')
    offset_y = row - radius[owner]
    offset_x = within - row * side[owner] - radius[owner]
    x, y = cells[owner, 0] + offset_x, cells[owner, 1] + offset_y
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    sigma = side.float() / 6
    squared_distance = (offset_x * offset_x + offset_y * offset_y).float()
    value = torch.exp(-squared_distance / (2 * sigma * sigma)[owner])
    position = (map_index[owner] * height + y) * width + x
    return _merge(position[inside], value[inside])


def _merge(position: Tensor, value: Tensor) -> HeatmapSupport:
    unique, inverse = torch.unique(position, return_inverse=True)
    if len(unique) == len(position):
        return HeatmapSupport(position, value)
    merged = torch.zeros_like(unique, dtype=value.dtype)
    return HeatmapSupport(unique, merged.scatter_reduce(0, inverse, value, 'amax'))
