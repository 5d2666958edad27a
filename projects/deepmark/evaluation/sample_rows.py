# SPDX-License-Identifier: Apache-2.0
"""What the metric keeps of one data sample: float32 rows in original image pixels.

Every kind of sample has its reader here; the metric itself only sees :class:`SampleRows`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deepmark.as_array import as_array
from deepmark.evaluation.attribute_levels import ATTRIBUTE_LEVELS, UNKNOWN_LEVEL
from deepmark.evaluation.garment_rows import DetectionRows, TruthRows, check_rows, own_landmarks
from deepmark.schema import LandmarkSchema

Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SampleRows:
    """Rows of one sample.

    A dataclass and not a tuple: mmengine rebuilds tuples as plain ones between the ranks.

    Attributes:
        key: equal for two samples exactly when one is the repetition of the other.
        image_id: number of the image.
        image_path: the photo, for messages.
        detections: predicted garments, best first.
        truth: true garments; None when the sample carries none.
    """

    key: Hashable
    image_id: int
    image_path: str
    detections: DetectionRows
    truth: TruthRows | None


def rows_of_detection_sample(
    sample: Mapping[str, Any], schema: LandmarkSchema, max_per_image: int
) -> SampleRows:
    """Read a detector's sample (mmdet's ``DetDataSample`` as a dict).

    Args:
        sample: ``img_id``, ``pred_instances`` (bboxes, labels, scores, optionally keypoints) and
            optionally ``instances`` (truth as the data set gives it) and ``img_path``.
        schema: categories and landmark counts.
        max_per_image: only the best detections are kept; equal scores keep their order.

    Raises:
        ValueError: naming the image and the field.
    """
    image_path = str(sample.get('img_path') or f'image id {sample["img_id"]}')
    image_id = int(sample['img_id'])
    detections = _detections(sample['pred_instances'], image_id, image_path, schema, max_per_image)
    instances = sample.get('instances')
    truth = None if instances is None else truth_of_records(instances, image_id, image_path, schema)
    return SampleRows(image_id, image_id, image_path, detections, truth)


def _detections(
    predicted: Mapping[str, Any],
    image_id: int,
    image_path: str,
    schema: LandmarkSchema,
    max_per_image: int,
) -> DetectionRows:
    scores = as_array(predicted['scores']).astype(np.float32)
    best = np.argsort(-scores, kind='stable')[:max_per_image]
    labels = as_array(predicted['labels']).astype(np.int64)[best]
    rows = DetectionRows(
        image_ids=np.full(len(best), image_id, np.int64),
        labels=labels,
        boxes_xywh=_xywh(as_array(predicted['bboxes'])[best]),
        scores=scores[best],
        keypoints=None,
    )
    check_rows(rows, schema, f'{image_path}: pred_instances')
    if 'keypoints' not in predicted:
        return rows
    keypoints = as_array(predicted['keypoints'])
    expected = (len(scores), schema.max_keypoints, 2)
    if keypoints.shape != expected:
        raise ValueError(
            f'{image_path}: pred_instances.keypoints has the shape {keypoints.shape}, '
            f'expected {expected} for {schema}'
        )
    packed = own_landmarks(keypoints[best].astype(np.float32), labels, schema)
    rows = DetectionRows(rows.image_ids, labels, rows.boxes_xywh, rows.scores, packed)
    check_rows(rows, schema, f'{image_path}: pred_instances')
    return rows


def truth_of_records(
    instances: Sequence[Mapping[str, Any]], image_id: int, image_path: str, schema: LandmarkSchema
) -> TruthRows:
    """Rows of the ``instances`` that a data set gives for one image.

    Args:
        instances: dicts with bbox (x1 y1 x2 y2), bbox_label, ignore_flag (0 when absent),
            keypoints ((K_c, 3), none labelled when absent), in original pixels, and attributes
            (levels by name).
        image_id: number of the image.
        image_path: for messages.
        schema: landmark counts.

    Raises:
        ValueError: naming the image and the field.
    """
    labels = np.array([i['bbox_label'] for i in instances], np.int64)
    boxes_xyxy = np.array([i['bbox'] for i in instances], np.float64).reshape(-1, 4)
    points: list[npt.NDArray[Any]] = [np.zeros((0, 3))]
    for instance, label in zip(instances, labels.tolist(), strict=True):
        count = int(schema.num_keypoints[label]) if 0 <= label < schema.num_categories else 0
        own = instance.get('keypoints')
        points.append(np.zeros((count, 3)) if own is None else np.asarray(own).reshape(-1, 3))
    rows = TruthRows(
        image_ids=np.full(len(labels), image_id, np.int64),
        labels=labels,
        boxes_xywh=_xywh(boxes_xyxy),
        crowd=np.array([i.get('ignore_flag', 0) for i in instances], np.bool_),
        keypoints=np.concatenate(points).astype(np.float32),
        attributes=_attributes(instances),
    )
    check_rows(rows, schema, f'{image_path}: instances')
    return rows


def _attributes(instances: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.int64] | None:
    stated = [instance.get('attributes') or {} for instance in instances]
    levels = [[s.get(name, UNKNOWN_LEVEL) for name in ATTRIBUTE_LEVELS] for s in stated]
    return np.array(levels, np.int64) if np.any(levels) else None


def _xywh(boxes_xyxy: npt.NDArray[Any]) -> Float32Array:
    boxes = boxes_xyxy.reshape(-1, 4).astype(np.float32)
    boxes[:, 2:] -= boxes[:, :2]
    return boxes
