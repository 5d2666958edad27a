# SPDX-License-Identifier: Apache-2.0
"""What the metric keeps of one sample of an mmpose top-down estimator: one garment in a given box.

Several samples share a photo, and some photos have none. So these samples carry no truth: the
metric takes it from its ``ann_file``, all images of which count. With true boxes box AP is high
by construction and says nothing; landmark AP is one *with true boxes* and must be called so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from deepmark.as_array import as_array
from deepmark.evaluation.garment_rows import DetectionRows, check_rows
from deepmark.evaluation.sample_rows import SampleRows
from deepmark.schema import LandmarkSchema

PoseScore = Literal['bbox_keypoint', 'bbox']


def is_pose_sample(sample: Mapping[str, Any]) -> bool:
    """Whether the predictions are those of an mmpose estimator (mmdet's have ``scores``)."""
    return 'bbox_scores' in sample['pred_instances']


def rows_of_pose_sample(
    sample: Mapping[str, Any], schema: LandmarkSchema, score: PoseScore = 'bbox_keypoint'
) -> SampleRows:
    """Read a top-down estimator's sample (mmpose's ``PoseDataSample`` as a dict).

    Args:
        sample: ``id`` (one a garment), ``img_id``, ``img_path``, ``category_id``, all among the
            usual meta keys of PackPoseInputs, and ``pred_instances`` with one garment: ``bboxes``
            x1 y1 x2 y2, ``bbox_scores``, ``keypoints`` (1, S, 2) in slots, ``keypoint_scores``
            (1, S).
        schema: categories and slots.
        score: of the garment: 'bbox' is the box's own; 'bbox_keypoint' multiplies it by the mean
            score of the own landmarks (negative ones count as 0), as mmpose's CocoMetric does.
            Deviation: that one leaves landmarks with a score below 0.2 out of the mean.

    Raises:
        ValueError: naming the image and the field.
    """
    title = f'{sample.get("img_path") or "image id " + str(sample.get("img_id"))}: pred_instances'
    if score not in ('bbox_keypoint', 'bbox'):
        raise ValueError(f"pose_score is {score!r}, must be 'bbox_keypoint' or 'bbox'")
    missing = [key for key in ('id', 'img_id', 'category_id') if key not in sample]
    if missing:
        raise ValueError(
            f'{title}: the sample has no {", ".join(missing)}. Fix: keep them among the meta_keys '
            'of PackPoseInputs'
        )
    label = schema.label_of(int(sample['category_id']))
    predicted = sample['pred_instances']
    keypoints, keypoint_scores = (
        as_array(predicted[key]) for key in ('keypoints', 'keypoint_scores')
    )
    expected = (1, schema.num_slots)
    if keypoints.shape[:2] != expected or keypoint_scores.shape != expected:
        raise ValueError(
            f'{title}: keypoints have the shape {keypoints.shape}, keypoint_scores '
            f'{keypoint_scores.shape}, expected {(*expected, 2)} and {expected} for {schema}'
        )
    own = slice(*schema.slot_offsets[label : label + 2].tolist())
    garment_score = as_array(predicted['bbox_scores']).reshape(1).astype(np.float32)
    if score == 'bbox_keypoint':
        garment_score = garment_score * keypoint_scores[0, own].clip(min=0).mean()
    box = as_array(predicted['bboxes']).reshape(1, 4).astype(np.float32)
    image_id = int(sample['img_id'])
    rows = DetectionRows(
        image_ids=np.array([image_id], np.int64),
        labels=np.array([label], np.int64),
        boxes_xywh=np.hstack([box[:, :2], box[:, 2:] - box[:, :2]]),
        scores=garment_score,
        keypoints=keypoints[0, own, :2].astype(np.float32),
    )
    check_rows(rows, schema, title)
    key = (image_id, int(sample['id']))
    return SampleRows(key, image_id, str(sample.get('img_path') or ''), rows, truth=None)
