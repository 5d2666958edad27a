# SPDX-License-Identifier: Apache-2.0
"""From a record's ragged landmarks to padded arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform

from deepmark.datasets.transforms.record_schema import schema_of
from deepmark.registry import TRANSFORMS
from deepmark.schema import LandmarkSchema, get_schema


@TRANSFORMS.register_module()
class LoadLandmarks(BaseTransform):
    """Add the landmarks of all instances; goes with mmdet's LoadAnnotations.

    Required keys: ``instances``, each with ``bbox_label`` and ``keypoints`` (K_c, 3) x, y, v.

    Added keys: ``gt_keypoints`` (N, K_max, 2) float32 x, y and ``gt_keypoints_visible`` (N, K_max)
    uint8 in {0, 1, 2}; 0 also in the padding. Landmarks that are not labelled lie at (0, 0).

    Args:
        schema: categories and landmarks; by default the data set's, or else DeepFashion2's.
    """

    def __init__(self, schema: Any = None) -> None:
        self.schema = None if schema is None else get_schema(schema)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Fill both arrays for all instances at once."""
        instances = results.get('instances', [])
        labels = np.array([instance['bbox_label'] for instance in instances], dtype=np.int64)
        schema = schema_of(results, self.schema)
        owned = schema.keypoint_valid[labels]
        padded = np.zeros((*owned.shape, 3), dtype=np.float32)
        if instances:
            _check(results, labels, schema)
            padded[owned] = np.concatenate([instance['keypoints'] for instance in instances])
        padded[padded[..., 2] == 0] = 0
        results['gt_keypoints'] = np.ascontiguousarray(padded[..., :2])
        results['gt_keypoints_visible'] = padded[..., 2].astype(np.uint8)
        return results

    def __repr__(self) -> str:
        schema = self.schema and self.schema.name
        return f'{type(self).__name__}(schema={schema!r})'


def _check(results: dict[str, Any], labels: npt.NDArray[np.int64], schema: LandmarkSchema) -> None:
    for number, (instance, label) in enumerate(zip(results['instances'], labels, strict=True)):
        expected = (int(schema.num_keypoints[label]), 3)
        found = np.shape(instance.get('keypoints', ()))
        if found != expected:
            raise ValueError(
                f'{results.get("img_path")}: instances[{number}].keypoints has the shape '
                f"{found}, but '{schema.class_names[label]}' needs {expected}. Fix: use "
                'DeepFashion2Dataset with the same schema'
            )
