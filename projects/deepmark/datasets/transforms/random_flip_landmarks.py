# SPDX-License-Identifier: Apache-2.0
"""Horizontal flip that knows the left and the right of a garment."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from deepmark.datasets.transforms.geometry import (
    Results,
    box_array,
    move_masks,
    record_warp,
    set_boxes,
)
from deepmark.datasets.transforms.record_schema import schema_of
from deepmark.datasets.transforms.warp_matrix import mirror, transform_boxes
from deepmark.registry import TRANSFORMS
from deepmark.schema import get_schema


@TRANSFORMS.register_module()
class RandomFlipLandmarks(BaseTransform):
    """Mirror the image with a given probability and swap left and right landmarks.

    x becomes width - 1 - x for pixels, boxes and landmarks alike (CenterNet's rule; mmdet's
    RandomFlip takes width - x for boxes). Landmarks swap inside their own category. It works before
    or after a warp. CenterNet mirrors the photo first: since it mirrors the window's centre with
    it, both orders give the same pictures but for one input pixel of shift.

    No pixel moves here: ``img`` becomes a view that runs through its rows from right to left, and
    a warp of ours that follows folds the flip into its matrix. numpy and OpenCV take such a view
    as any image; ``torch.from_numpy`` wants ``np.ascontiguousarray`` first.

    Modified keys: ``img``, and where present ``gt_bboxes``, ``gt_keypoints``,
    ``gt_keypoints_visible``, ``gt_masks``. Added keys: ``flip``, ``flip_direction``,
    ``warp_matrix``, ``inverse_warp_matrix``, ``homography_matrix``.

    Args:
        prob: probability of a flip.
        schema: categories and landmarks; by default the data set's, or else DeepFashion2's.
    """

    def __init__(self, prob: float = 0.5, schema: Any = None) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'prob is {prob}, must be 0 .. 1')
        self.prob = prob
        self.schema = None if schema is None else get_schema(schema)

    def transform(self, results: Results) -> Results:
        """Flip or not, and note which."""
        flip = self._draw_flip()
        results['flip'] = flip
        results['flip_direction'] = 'horizontal' if flip else None
        if flip:
            self._flip(results)
        return results

    @cache_randomness
    def _draw_flip(self) -> bool:
        return random.random() < self.prob

    def _flip(self, results: Results) -> None:
        height, width = results['img'].shape[:2]
        matrix = mirror(width)
        results['img'] = results['img'][:, ::-1]
        if results.get('gt_bboxes') is not None:
            set_boxes(results, transform_boxes(matrix, box_array(results['gt_bboxes'])))
        if results.get('gt_keypoints') is not None:
            self._flip_keypoints(results, width)
        if results.get('gt_masks') is not None:
            results['gt_masks'] = move_masks(results['gt_masks'], matrix, (width, height))
        record_warp(results, matrix, (width, height))

    def _flip_keypoints(self, results: Results, width: int) -> None:
        partner = schema_of(results, self.schema).flip_index[results['gt_bboxes_labels']]
        visible = np.take_along_axis(results['gt_keypoints_visible'], partner, axis=1)
        points = np.take_along_axis(results['gt_keypoints'], partner[..., None], axis=1)
        points[..., 0] = width - 1 - points[..., 0]
        points[visible == 0] = 0
        results['gt_keypoints'] = points
        results['gt_keypoints_visible'] = visible

    def __repr__(self) -> str:
        schema = self.schema and self.schema.name
        return f'{type(self).__name__}(prob={self.prob}, schema={schema!r})'
