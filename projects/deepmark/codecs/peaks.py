# SPDX-License-Identifier: Apache-2.0
"""Local maxima of heatmaps.

Legend: B images, C channels, H x W cells, K peaks kept. Coordinates are cells, x before y.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class CenterPeaks(NamedTuple):
    """The K best peaks over all channels of each image, best first.

    Attributes:
        scores: (B, K) float.
        labels: (B, K) int64 channel.
        cells: (B, K, 2) int64 (x, y).
    """

    scores: Tensor
    labels: Tensor
    cells: Tensor


class ChannelPeaks(NamedTuple):
    """Peaks of every channel, best first, padded to the longest list (Q).

    Attributes:
        scores: (B, C, Q) float, -1 in the padding.
        cells: (B, C, Q, 2) int64 (x, y), 0 in the padding.
    """

    scores: Tensor
    cells: Tensor


def is_local_maximum(heatmap: Tensor, kernel: int = 3) -> Tensor:
    """(B, C, H, W) bool: no cell of the ``kernel`` x ``kernel`` neighbourhood is higher."""
    pooled = F.max_pool2d(heatmap, kernel, stride=1, padding=kernel // 2)
    return pooled == heatmap


def smooth(heatmap: Tensor, sigma: float) -> Tensor:
    """Blur (B, C, H, W) with a Gaussian of ``sigma`` cells; cells outside the map count as 0.

    The kernel ends at 3 sigma and sums to 1. The two passes are depthwise convolutions, in float32
    under autocast too: the few values of bfloat16 make plateaus, and so false maxima.

    Example:
        >>> impulse = torch.zeros(1, 1, 9, 9)
        >>> impulse[0, 0, 4, 4] = 1
        >>> [round(value, 3) for value in smooth(impulse, 1.0)[0, 0, 4, 3:6].tolist()]
        [0.097, 0.159, 0.097]
    """
    reach = max(1, round(3 * sigma))
    steps = torch.arange(-reach, reach + 1, dtype=heatmap.dtype, device=heatmap.device)
    weights = torch.exp(-(steps**2) / (2 * sigma**2))
    channels = heatmap.shape[1]
    kernel = (weights / weights.sum()).expand(channels, 1, 1, -1)
    with torch.autocast(heatmap.device.type, enabled=False):
        rows = F.conv2d(heatmap, kernel, padding=(0, reach), groups=channels)
        return F.conv2d(rows, kernel.transpose(2, 3), padding=(reach, 0), groups=channels)


def best_centers(
    heatmap: Tensor, count: int, kernel: int = 3, per_category: int | None = None
) -> CenterPeaks:
    """The ``count`` highest local maxima over all channels (CenterNet's topk).

    Args:
        heatmap: (B, C, H, W) probabilities.
        count: K; fewer when the maps have fewer cells.
        kernel: side of the neighbourhood, odd.
        per_category: at most this many of one channel; None for no limit. CenterNet takes the top
            K of every channel first, which changes nothing, for its K is the ``count`` too.
    """
    height, width = heatmap.shape[-2:]
    peaks = (heatmap * is_local_maximum(heatmap, kernel)).flatten(2)
    if per_category is not None and per_category < height * width:
        best, cell = peaks.topk(per_category, dim=2)
        peaks = torch.zeros_like(peaks).scatter(2, cell, best)
    peaks = peaks.flatten(1)
    scores, index = peaks.topk(min(count, peaks.shape[1]), dim=1)
    labels = torch.div(index, height * width, rounding_mode='floor')
    cell = index - labels * height * width
    y = torch.div(cell, width, rounding_mode='floor')
    return CenterPeaks(scores, labels, torch.stack([cell - y * width, y], dim=-1))


def channel_peaks(
    heatmap: Tensor, threshold: float, max_per_channel: int, kernel: int = 3
) -> ChannelPeaks:
    """Local maxima above a threshold, at most ``max_per_channel`` of each channel.

    A trained network has a handful of peaks a channel, so the peaks are listed and sorted, which is
    many times cheaper than a top-k over every cell of every channel.

    Args:
        heatmap: (B, C, H, W) probabilities.
        threshold: peaks must be strictly above it.
        max_per_channel: how many of a channel are kept, the highest first.
        kernel: side of the neighbourhood, odd.
    """
    batch, channels, _, _width = heatmap.shape
    found = (heatmap > threshold) & is_local_maximum(heatmap, kernel)
    image, channel, y, x = found.nonzero(as_tuple=True)
    scores = heatmap[image, channel, y, x]
    by_score = torch.argsort(scores, descending=True, stable=True)
    owner = (image * channels + channel)[by_score]
    order = by_score[torch.argsort(owner, stable=True)]
    owner = (image * channels + channel)[order]
    counts = torch.bincount(owner, minlength=batch * channels)
    rank = torch.arange(len(owner), device=owner.device) - (counts.cumsum(0) - counts)[owner]
    keep = rank < max_per_channel
    order, owner, rank = order[keep], owner[keep], rank[keep]
    longest = int(counts.clamp(max=max_per_channel).max()) if len(owner) else 0
    padded_scores = heatmap.new_full((batch * channels, longest), -1.0)
    padded_cells = x.new_zeros((batch * channels, longest, 2))
    padded_scores[owner, rank] = scores[order]
    padded_cells[owner, rank] = torch.stack([x, y], dim=-1)[order]
    return ChannelPeaks(
        padded_scores.view(batch, channels, longest),
        padded_cells.view(batch, channels, longest, 2),
    )
