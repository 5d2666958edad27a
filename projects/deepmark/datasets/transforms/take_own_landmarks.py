# SPDX-License-Identifier: Apache-2.0
"""From landmarks in slots to class-local ones, between mmpose's TopdownAffine and GenerateTarget.

A garment has 8 to 39 landmarks of its own, and drawing the 294 target maps of all categories costs
time and memory for maps that have no weight.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from deepmark.registry import TRANSFORMS
from deepmark.schema import LandmarkSchema, get_schema

_COORDINATES = ('keypoints', 'transformed_keypoints')


@TRANSFORMS.register_module()
class TakeOwnLandmarks(BaseTransform):
    """Keep the landmarks of the sample's own category, padded to the longest list.

    For :class:`deepmark.models.OwnCategoryHeatmapHead`, in training: afterwards K_max = 39 target
    maps are drawn instead of S = 294, by any of mmpose's codecs. Changes ``keypoints``,
    ``transformed_keypoints``, ``keypoints_visible``, ``dataset_keypoint_weights`` and
    ``flip_indices``; the padding has the weight 0.

    Args:
        schema: categories and landmarks; DeepFashion2's by default.

    Raises:
        ValueError: the sample's landmarks are not in the schema's slots.
    """

    def __init__(self, schema: LandmarkSchema | str | None = None) -> None:
        self.schema = get_schema(schema)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """(1, S, ...) to (1, K_max, ...)."""
        label = self.schema.label_of(int(results['category_id']))
        shape = np.shape(results['keypoints_visible'])
        if shape[:2] != (1, self.schema.num_slots):
            raise ValueError(
                f'{results.get("img_path")}: keypoints_visible has the shape {shape}, expected '
                f'(1, {self.schema.num_slots}) for {self.schema}. Fix: give data set and transform '
                'the same schema, and list TakeOwnLandmarks once'
            )
        valid = self.schema.keypoint_valid[label]
        slots = np.where(valid, self.schema.slots[label], 0)
        for key in _COORDINATES:
            if key in results:
                results[key] = np.where(valid[:, None], results[key][:, slots], 0)
        visible = results['keypoints_visible'][:, slots]
        visible[:, ~valid] = 0
        results['keypoints_visible'] = visible
        if 'dataset_keypoint_weights' in results:
            results['dataset_keypoint_weights'] = results['dataset_keypoint_weights'][slots]
        results['flip_indices'] = self.schema.flip_index[label].tolist()
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(schema={self.schema})'
