# SPDX-License-Identifier: Apache-2.0
"""Predictions as typed records, the content of the JSON files that the inferencer writes."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from deepmark.as_array import as_array
from deepmark.schema import LandmarkSchema
from deepmark.visualization.garment_drawing import GarmentSet

_PIXEL_DIGITS, _SCORE_DIGITS = 2, 4


class KeypointRecord(msgspec.Struct, frozen=True):
    """One landmark in pixels of the original image; the score is null where the model has none."""

    name: str
    x: float
    y: float
    score: float | None = None


class GarmentRecord(msgspec.Struct, frozen=True):
    """One garment: box x1 y1 x2 y2 in pixels of the original image, and its own landmarks."""

    category_id: int
    category_name: str
    score: float
    bbox_xyxy: tuple[float, float, float, float]
    keypoints: list[KeypointRecord]


class ImageRecord(msgspec.Struct, frozen=True):
    """All garments of one image, best first."""

    image: str
    width: int
    height: int
    garments: list[GarmentRecord]


class FrameRecord(msgspec.Struct, frozen=True):
    """All garments of one frame of a video, one line of its file."""

    frame: int
    seconds: float
    garments: list[GarmentRecord]


def garment_records(
    garments: GarmentSet, keypoint_scores: Any, schema: LandmarkSchema
) -> list[GarmentRecord]:
    """Records of predicted garments, best first.

    Args:
        garments: with scores; without ``keypoints`` the records have none.
        keypoint_scores: (N, K_max) or None.
        schema: names, ids and landmark counts.

    Raises:
        ValueError: a label that the schema does not have.
    """
    assert garments.scores is not None
    records = []
    for n in np.argsort(-garments.scores, kind='stable').tolist():
        label = int(garments.labels[n])
        if not 0 <= label < schema.num_categories:
            raise ValueError(
                f'the model predicts label {label}, but {schema} has 0 .. '
                f'{schema.num_categories - 1}; give the schema that the model was made for'
            )
        category = schema.categories[label]
        x1, y1, x2, y2 = _rounded(garments.boxes_xyxy[n], _PIXEL_DIGITS)
        records.append(
            GarmentRecord(
                category_id=category.category_id,
                category_name=category.name,
                score=round(float(garments.scores[n]), _SCORE_DIGITS),
                bbox_xyxy=(x1, y1, x2, y2),
                keypoints=_keypoint_records(garments, keypoint_scores, n, schema),
            )
        )
    return records


def _keypoint_records(
    garments: GarmentSet, keypoint_scores: Any, n: int, schema: LandmarkSchema
) -> list[KeypointRecord]:
    if garments.keypoints is None:
        return []
    category = schema.categories[int(garments.labels[n])]
    count = category.num_keypoints
    scores: list[Any] = [None] * count
    if keypoint_scores is not None:
        scores = _rounded(as_array(keypoint_scores)[n, :count], _SCORE_DIGITS)
    xs = _rounded(garments.keypoints[n, :count, 0], _PIXEL_DIGITS)
    ys = _rounded(garments.keypoints[n, :count, 1], _PIXEL_DIGITS)
    rows = zip(category.keypoint_names, xs, ys, scores, strict=True)
    return [KeypointRecord(name, x, y, score) for name, x, y, score in rows]


def _rounded(values: Any, digits: int) -> list[float]:
    return [round(value, digits) for value in np.asarray(values, np.float64).tolist()]
