# SPDX-License-Identifier: Apache-2.0
"""mmpose's bottom-up training pipeline on our photos, for comparison.

The transforms are those of mmpose 1.3.2's one bottom-up training config at 512x512
(``dekr_hrnet-w32_8xb10-140e_coco-512x512.py``). Changed are only: one keypoint channel for each
landmark slot of the schema, as in mmpose's own DeepFashion2 metadata; the codec of associative
embedding, which draws heatmaps only and so costs less than DEKR's; and ``bbox_keep_corner=False``,
without which mmpose's flip cannot read the boxes that its affine transform leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import mmpose.datasets  # noqa: F401 (registers the transforms)
import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.registry import DefaultScope

from deepmark.schema import LandmarkSchema


class BottomUpDataset(BaseDataset):
    """Records of ours in mmpose's bottom-up form, stored and copied as mmpose's data sets do it.

    Args:
        records: what ``DeepFashion2Dataset.get_data_info`` gives.
        schema: categories and landmarks.
        input_size: (width, height) of the network input; the heatmaps have a quarter of it.
    """

    def __init__(
        self,
        records: Iterable[Mapping[str, Any]],
        schema: LandmarkSchema,
        input_size: tuple[int, int],
    ) -> None:
        self._bottom_up = [bottom_up_record(record, schema) for record in records]
        with DefaultScope.overwrite_default_scope('mmpose'):  # its codecs are found by no other
            super().__init__(pipeline=bottom_up_pipeline(input_size))

    def load_data_list(self) -> list[dict[str, Any]]:
        """The converted records."""
        return self._bottom_up


def bottom_up_pipeline(input_size: tuple[int, int]) -> list[dict[str, Any]]:
    """The transforms for a training input (width, height)."""
    codec = {
        'type': 'AssociativeEmbedding',
        'input_size': input_size,
        'heatmap_size': (input_size[0] // 4, input_size[1] // 4),
        'sigma': 2,
    }
    return [
        {'type': 'mmpose.LoadImage'},
        {
            'type': 'mmpose.BottomupRandomAffine',
            'input_size': input_size,
            'bbox_keep_corner': False,
        },
        {'type': 'mmpose.RandomFlip', 'direction': 'horizontal'},
        {'type': 'mmpose.GenerateTarget', 'encoder': codec},
        {'type': 'mmpose.BottomupGetHeatmapMask'},
        {'type': 'mmpose.PackPoseInputs'},
    ]


def bottom_up_record(record: Mapping[str, Any], schema: LandmarkSchema) -> dict[str, Any]:
    """One image with all its garments, landmarks in dense slots.

    Returns:
        Among others ``keypoints`` (N, S, 2) and ``keypoints_visible`` (N, S) in {0, 1}, float32.
    """
    instances = record['instances']
    dense = np.zeros((len(instances), schema.num_slots, 3), dtype=np.float32)
    for row, instance in zip(dense, instances, strict=True):
        first, end = schema.slot_offsets[instance['bbox_label'] :][:2]
        row[first:end] = instance['keypoints']
    return {
        'img_id': record['img_id'],
        'img_path': record['img_path'],
        'id': [instance['annotation_id'] for instance in instances],
        'category_id': [instance['bbox_label'] + 1 for instance in instances],
        'iscrowd': [instance['ignore_flag'] for instance in instances],
        'area': np.array([instance['area'] for instance in instances], dtype=np.float32),
        'bbox': np.array([instance['bbox'] for instance in instances], dtype=np.float32),
        'bbox_score': np.ones(len(instances), dtype=np.float32),
        'keypoints': dense[..., :2].copy(),
        'keypoints_visible': np.minimum(dense[..., 2], 1),
        'num_keypoints': np.count_nonzero(dense[..., 2], axis=1).tolist(),
        'invalid_segs': [],
        'flip_indices': schema.slot_flip_index.tolist(),
    }
