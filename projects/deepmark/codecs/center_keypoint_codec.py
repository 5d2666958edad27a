# SPDX-License-Identifier: Apache-2.0
"""Garments <-> maps of DeepMark, both ways in one class.

Source: DeepMark (arXiv 1910.01225, section 3) on top of CenterNet's multi-pose network
(xingyizhou/CenterNet at 4c50fd3, ``src/lib/datasets/sample/multi_pose.py``, ``models/decode.py``).

Frames: *input* pixels of the network's input, *cells* = input pixels / stride; the centre of pixel
(or cell) i lies at coordinate i. x before y, w before h.

Legend: B images, N garments of the batch, D detections an image, C categories, K_max landmarks of
the longest list, G landmark channels (the schema's slots, or its groups), Q peaks of a channel,
H x W cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from deepmark.codecs.gaussian import RadiusRule, gaussian_radius, gaussian_support
from deepmark.codecs.peaks import ChannelPeaks, best_centers, channel_peaks, smooth
from deepmark.codecs.targets import CenterKeypointTargets, Garments
from deepmark.registry import TASK_UTILS
from deepmark.schema import LandmarkSchema, get_schema

MIDDLE_OF_CELL = 0.5  # the mean of an offset in [0, 1)


class MapReader(Protocol):
    """Gives the decoder single cells of the regression branches."""

    def read(self, branch: str, cells: Tensor) -> Tensor:
        """Values (B, n, channels) of a branch at integer ``cells`` (B, n, 2), x before y."""
        ...


class Detections(NamedTuple):
    """Decoded garments, best first.

    Attributes:
        boxes_xyxy: (B, D, 4).
        scores: (B, D).
        labels: (B, D) int64.
        keypoints: (B, D, K_max, 2), 0 behind the category's own landmarks.
        keypoint_scores: (B, D, K_max), 0 there.
    """

    boxes_xyxy: Tensor
    scores: Tensor
    labels: Tensor
    keypoints: Tensor
    keypoint_scores: Tensor


@TASK_UTILS.register_module()
class CenterKeypointCodec:
    """Encodes garments as sparse targets and decodes maps into garments.

    Args:
        schema: categories and landmarks, see :func:`deepmark.schema.get_schema`.
        stride: input pixels per cell.
        radius: rule of the Gaussian radius, ``'centernet'`` (as published) or ``'corrected'``.
        min_overlap: overlap that the radius guarantees.
        max_objects: garments of one image that train (CenterNet's 32), None for all.
        boxes_without_keypoints: garments without a labelled landmark train box size and centre
            offset. Deviation: the original masks them (``reg_mask`` in multi_pose.py), which loses
            valid boxes of DeepFashion2; False gives the original, but for garments whose landmarks
            were all cut off by the crop: the original counts landmarks before it.
        grouped: landmarks that mean the same in several categories share a channel (DeepMark++,
            arXiv 2006.00710), as the schema groups them; False gives each slot its own.
        center_offset: the network tells where in its cell a centre lies; without (CenterNet's
            ``--not_reg_offset``) every centre is taken to lie in the middle, cell + 0.5.
        keypoint_offset: the same of landmark peaks (CenterNet's ``--not_reg_hp_offset``).
        detections: peaks kept per image (K = 100).
        detections_per_category: at most this many of them of one category, None for no limit.
        local_maximum_kernel: neighbourhood in which a peak must be the maximum.
        refine: move coarse landmarks to heatmap peaks; False keeps the coarse ones.
        keypoint_threshold: heatmap peaks at or below it are dropped.
        peaks_per_channel: peaks kept per landmark channel.
        max_distance: a peak farther from its coarse landmark than this part of the box's longer
            side is not taken.
        smoothing: standard deviation, in cells, of a Gaussian that blurs both heatmaps before
            peaks are searched (DeepMark++); 0 leaves them as they are. Scores are those of the
            blurred maps.
        blend: share of the coarse position in a refined landmark (DeepMark++); 0 takes the
            heatmap's alone, as DeepMark does.

    Raises:
        ValueError: a share outside 0 .. 1, or a negative standard deviation.
    """

    def __init__(
        self,
        schema: LandmarkSchema | str | PathLike[str] | Mapping[str, Any] | None = None,
        *,
        stride: int = 4,
        radius: RadiusRule = 'centernet',
        min_overlap: float = 0.7,
        max_objects: int | None = 32,
        boxes_without_keypoints: bool = True,
        grouped: bool = False,
        center_offset: bool = True,
        keypoint_offset: bool = True,
        detections: int = 100,
        detections_per_category: int | None = None,
        local_maximum_kernel: int = 3,
        refine: bool = True,
        keypoint_threshold: float = 0.1,
        peaks_per_channel: int = 100,
        max_distance: float = 0.3,
        smoothing: float = 0.0,
        blend: float = 0.0,
    ) -> None:
        if smoothing < 0 or not 0 <= blend <= 1:
            raise ValueError(
                f'CenterKeypointCodec: smoothing is {smoothing} (a standard deviation, >= 0), '
                f'blend is {blend} (a share, 0 .. 1)'
            )
        self.schema = get_schema(schema)
        self.channels = self.schema.channel_layout(grouped)
        self.center_offset = center_offset
        self.keypoint_offset = keypoint_offset
        self.stride = stride
        self.radius: RadiusRule = radius
        self.min_overlap = min_overlap
        self.max_objects = max_objects
        self.boxes_without_keypoints = boxes_without_keypoints
        self.detections = detections
        self.detections_per_category = detections_per_category
        self.local_maximum_kernel = local_maximum_kernel
        self.refine = refine
        self.keypoint_threshold = keypoint_threshold
        self.peaks_per_channel = peaks_per_channel
        self.max_distance = max_distance
        self.smoothing = smoothing
        self.blend = blend
        self._device_tables: dict[torch.device, tuple[Tensor, Tensor, Tensor]] = {}

    # ---------------------------------------------------------------------------------- encode

    def encode(self, garments: Garments, map_size_hw: tuple[int, int]) -> CenterKeypointTargets:
        """Targets of a batch, on the garments' device, without dense maps.

        A box is clipped to the map first; centre, size and radius come from what is left. Garments
        whose clipped box is empty are left out, as are landmarks outside the map.

        Args:
            garments: ground truth in input pixels.
            map_size_hw: height and width of the output maps, cells.
        """
        garments = self._limit(garments)
        boxes = _clip(garments.boxes_xyxy / self.stride, map_size_hw)
        garments, boxes = _drop_empty(garments, boxes)
        size = boxes[:, 2:] - boxes[:, :2]
        center = (boxes[:, :2] + boxes[:, 2:]) / 2
        center_cell = center.long()
        radius = gaussian_radius(size.ceil(), self.min_overlap, self.radius).clamp(min=0).long()

        keypoints = garments.keypoints / self.stride
        on_map = garments.visible & _inside(keypoints, map_size_hw)
        channels = self._channels(garments.labels)
        row, column = on_map.nonzero(as_tuple=True)
        keypoint_xy = keypoints[row, column]
        keypoint_cell = keypoint_xy.long()
        keypoint_map = garments.image_index[row] * self.channels.count + channels[row, column]
        center_map = garments.image_index * self.schema.num_categories + garments.labels
        has_box = torch.ones_like(on_map[:, 0])
        if not self.boxes_without_keypoints:
            has_box = garments.visible.any(dim=1)
        return CenterKeypointTargets(
            image_index=garments.image_index,
            center_cell=center_cell,
            box_size=size,
            center_offset=center - center_cell,
            box_weight=has_box.float(),
            channels=channels * on_map,
            coarse_keypoints=(keypoints - center_cell[:, None]) * on_map[..., None],
            coarse_weight=on_map.float(),
            keypoint_image_index=garments.image_index[row],
            keypoint_cell=keypoint_cell,
            keypoint_offset=keypoint_xy - keypoint_cell,
            center_support=gaussian_support(center_map, center_cell, radius, map_size_hw),
            keypoint_support=gaussian_support(
                keypoint_map, keypoint_cell, radius[row], map_size_hw
            ),
        )

    def _limit(self, garments: Garments) -> Garments:
        if self.max_objects is None or not len(garments.labels):
            return garments
        counts = torch.bincount(garments.image_index)
        start = counts.cumsum(0) - counts
        rank = torch.arange(len(garments.labels), device=counts.device)
        keep = rank - start[garments.image_index] < self.max_objects
        return Garments(*(field[keep] for field in garments))

    def _channels(self, labels: Tensor) -> Tensor:
        """(..., K_max) channels of each label's landmarks, 0 in the padding."""
        return self._tables(labels.device)[0][labels]

    def keypoint_valid(self, labels: Tensor) -> Tensor:
        """(..., K_max) bool: which columns are landmarks of each label's category."""
        return self._tables(labels.device)[1][labels]

    def flip_index(self, device: torch.device) -> Tensor:
        """(G,) int64: the channel that shows a channel's landmark in a mirror image."""
        return self._tables(device)[2]

    def _tables(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Channels (C, K_max) with 0 in the padding, validity, flips (G,); once per device."""
        if device not in self._device_tables:
            channels = torch.from_numpy(self.channels.table.clip(min=0)).to(device)
            valid = torch.from_numpy(self.schema.keypoint_valid.copy()).to(device)
            flips = torch.from_numpy(self.channels.flip_index.copy()).to(device)
            self._device_tables[device] = channels, valid, flips
        return self._device_tables[device]

    # ---------------------------------------------------------------------------------- decode

    def decode(
        self, center_heatmap: Tensor, keypoint_heatmap: Tensor, maps: MapReader
    ) -> Detections:
        """Garments of each image, in output cells.

        1. The best local maxima of the centre heatmap are detections; that score is final.
        2. Box and coarse landmarks are read at these cells.
        3. Each coarse landmark takes the nearest peak of its own category's channel, unless that
           lies outside the box, is weak, or is too far away.

        Args:
            center_heatmap: (B, C, H, W) probabilities.
            keypoint_heatmap: (B, G, H, W) probabilities.
            maps: reads ``box_size``, ``coarse_keypoints`` (channels G x (x, y)) and, unless
                switched off, ``center_offset`` and ``keypoint_offset``.
        """
        if self.smoothing:
            center_heatmap = smooth(center_heatmap, self.smoothing)
            keypoint_heatmap = smooth(keypoint_heatmap, self.smoothing)
        peaks = best_centers(
            center_heatmap,
            self.detections,
            self.local_maximum_kernel,
            self.detections_per_category,
        )
        corner_distance = maps.read('box_size', peaks.cells) / 2
        in_cell = maps.read('center_offset', peaks.cells) if self.center_offset else MIDDLE_OF_CELL
        center = peaks.cells + in_cell
        boxes = torch.cat([center - corner_distance, center + corner_distance], dim=-1)

        channels = self._channels(peaks.labels)
        valid = self.keypoint_valid(peaks.labels)
        offsets = maps.read('coarse_keypoints', peaks.cells).unflatten(-1, (-1, 2))
        own = offsets.gather(2, channels[..., None].expand(-1, -1, -1, 2))
        coarse = own + peaks.cells[:, :, None]
        keypoints, scores = coarse, _score_at(keypoint_heatmap, channels, coarse)
        if self.refine:
            keypoints, scores = self._refine(
                boxes, channels, coarse, scores, keypoint_heatmap, maps
            )
        return Detections(
            boxes_xyxy=boxes,
            scores=peaks.scores,
            labels=peaks.labels,
            keypoints=keypoints * valid[..., None],
            keypoint_scores=scores * valid,
        )

    def _refine(
        self,
        boxes: Tensor,
        channels: Tensor,
        coarse: Tensor,
        coarse_scores: Tensor,
        keypoint_heatmap: Tensor,
        maps: MapReader,
    ) -> tuple[Tensor, Tensor]:
        """Keypoints (B, D, K_max, 2) and scores (B, D, K_max) after the assignment of peaks."""
        peaks = channel_peaks(
            keypoint_heatmap,
            self.keypoint_threshold,
            self.peaks_per_channel,
            self.local_maximum_kernel,
        )
        if peaks.scores.shape[-1] == 0:
            return coarse, coarse_scores
        in_cell = _read_peaks(maps, peaks) if self.keypoint_offset else MIDDLE_OF_CELL
        position = peaks.cells + in_cell
        nearest, distance, nearest_score = _nearest_peak(coarse, channels, position, peaks.scores)
        corner_min, corner_max = boxes[:, :, None, :2], boxes[:, :, None, 2:]
        longer_side = (boxes[..., 2:] - boxes[..., :2]).amax(dim=-1, keepdim=True)
        outside = ((nearest < corner_min) | (nearest > corner_max)).any(dim=-1)
        take = (nearest_score >= self.keypoint_threshold) & ~outside
        take &= distance <= self.max_distance * longer_side
        refined = nearest if self.blend == 0 else torch.lerp(nearest, coarse, self.blend)
        return (
            torch.where(take[..., None], refined, coarse),
            torch.where(take, nearest_score, coarse_scores),
        )


def _clip(boxes: Tensor, map_size_hw: tuple[int, int]) -> Tensor:
    height, width = map_size_hw
    limit = boxes.new_tensor([width - 1, height - 1, width - 1, height - 1])
    return torch.minimum(boxes.clamp(min=0), limit)


def _drop_empty(garments: Garments, boxes: Tensor) -> tuple[Garments, Tensor]:
    keep = (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
    return Garments(*(field[keep] for field in garments)), boxes[keep]


def _inside(points: Tensor, map_size_hw: tuple[int, int]) -> Tensor:
    height, width = map_size_hw
    limit = points.new_tensor([width, height])
    return ((points >= 0) & (points < limit)).all(dim=-1)


def _score_at(heatmap: Tensor, channels: Tensor, points: Tensor) -> Tensor:
    """(B, D, K_max) heatmap value of each landmark's channel in the cell that holds the point."""
    height, width = heatmap.shape[-2:]
    x = points[..., 0].floor().long().clamp(0, width - 1)
    y = points[..., 1].floor().long().clamp(0, height - 1)
    image = torch.arange(len(heatmap), device=heatmap.device)[:, None, None]
    return heatmap[image, channels, y, x]


def _read_peaks(maps: MapReader, peaks: ChannelPeaks) -> Tensor:
    """(B, C, Q, 2) sub-cell offsets of the peaks; padding reads the cell (0, 0) for nothing."""
    batch, channels, longest, _ = peaks.cells.shape
    offsets = maps.read('keypoint_offset', peaks.cells.flatten(1, 2))
    return offsets.view(batch, channels, longest, 2)


def _nearest_peak(
    coarse: Tensor, channels: Tensor, position: Tensor, scores: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The peak of its own channel that is nearest to each coarse landmark.

    Args:
        coarse: (B, D, K_max, 2).
        channels: (B, D, K_max) channel of each landmark.
        position: (B, G, Q, 2) peaks.
        scores: (B, G, Q), negative in the padding.

    Returns:
        its position (B, D, K_max, 2), distance and score (B, D, K_max); distance inf without peaks.
    """
    image = torch.arange(len(coarse), device=coarse.device)[:, None, None]
    candidates = position[image, channels]
    candidate_scores = scores[image, channels]
    distance = torch.linalg.vector_norm(coarse[..., None, :] - candidates, dim=-1)
    distance = distance.masked_fill(candidate_scores < 0, float('inf'))
    smallest, index = distance.min(dim=-1)
    nearest = candidates.gather(3, index[..., None, None].expand(*index.shape, 1, 2)).squeeze(3)
    return nearest, smallest, candidate_scores.gather(3, index[..., None]).squeeze(3)
