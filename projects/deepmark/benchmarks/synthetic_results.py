# SPDX-License-Identifier: Apache-2.0
"""Truth and detections of any size that look like a trained detector's, as packed float32 rows.

Legend: N garments, D detections, P landmarks of garments together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deepmark.evaluation.attribute_levels import ATTRIBUTE_LEVELS
from deepmark.evaluation.garment_rows import DetectionRows, IntArray, TruthRows, keypoint_offsets
from deepmark.schema import DEEPFASHION2

VALIDATION_IMAGES = 32_153
VALIDATION_GARMENTS = 51_490
DETECTIONS_PER_IMAGE = 20

_COPIES = 3  # detections near each truth
_COPY_NOISE = np.array([1, 2, 4])  # the first is the best one
_MEDIAN_NOISE, _NOISE_SPREAD = (
    0.04,
    0.7,
)  # of the best one: lognormal, of the box's width and height
_PHOTO_WH = np.array([468.0, 624.0])
# per cent, about DeepFashion2's: tops and trousers are frequent, short sleeve outwear is rare
_SHARES = np.array([23, 11, 0.2, 4, 5, 0.6, 11, 17, 9, 5.5, 2.5, 5.5, 2.1])

Float64Array = npt.NDArray[np.float64]


class SyntheticResults(NamedTuple):
    """Rows of DeepFashion2's schema; every image has truth and detections."""

    truth: TruthRows
    detections: DetectionRows
    image_ids: IntArray


def synthetic_results(num_images: int, seed: int = 0) -> SyntheticResults:
    """Draw truth and detections.

    Of the truth, 2 % has no landmarks, 1 % only occluded ones and 0.5 % is ``iscrowd``. Every
    garment is found three times, better and worse, with tied scores among them; the other
    detections, up to 20 an image, lie anywhere.

    Args:
        num_images: 1 or more; the number of garments follows the validation set's.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    garments = max(num_images, round(num_images * VALIDATION_GARMENTS / VALIDATION_IMAGES))
    extra = rng.integers(0, num_images, garments - num_images)
    images = np.sort(np.concatenate([np.arange(num_images), extra])) + 1
    labels, boxes = _labels(rng, garments), _boxes(rng, garments)
    points = _inside(rng, boxes, labels)
    truth = TruthRows(
        image_ids=images,
        labels=labels,
        boxes_xywh=boxes.astype(np.float32),
        crowd=rng.random(garments) < 0.005,
        keypoints=_labelled(rng, points, labels),
        attributes=rng.integers(1, 4, (garments, len(ATTRIBUTE_LEVELS))),
    )
    detections = _detections(rng, truth, boxes, points, num_images)
    return SyntheticResults(truth, detections, np.arange(1, num_images + 1))


def _detections(
    rng: np.random.Generator,
    truth: TruthRows,
    boxes: Float64Array,
    points: Float64Array,
    num_images: int,
) -> DetectionRows:
    source = np.repeat(np.arange(len(truth)), _COPIES)
    size = boxes[source, 2:]
    of_garment = _MEDIAN_NOISE * rng.lognormal(0, _NOISE_SPREAD, (len(truth), 1))
    noise = (of_garment * _COPY_NOISE).reshape(-1, 1)
    near = boxes[source] + rng.normal(0, 0.5, (len(source), 4)) * noise * np.tile(size, 2)
    counts = DEEPFASHION2.num_keypoints[truth.labels[source]]
    own = points[_landmark_rows(source, truth.labels)]
    own += rng.normal(0, 0.6, own.shape) * np.repeat(noise * size, counts, axis=0)
    background = max(0, num_images * DETECTIONS_PER_IMAGE - len(source))
    labels, anywhere = _labels(rng, background), _boxes(rng, background)
    joined_labels = np.concatenate([truth.labels[source], labels])
    images = np.concatenate([truth.image_ids[source], rng.integers(1, num_images + 1, background)])
    scores = np.concatenate(
        [0.9 - 2 * noise[:, 0] + rng.normal(0, 0.1, len(source)), rng.beta(1, 4, background)]
    )
    scores = scores.clip(0.001, 0.999).round(3)
    order = np.lexsort([-scores, images])
    keypoints = np.concatenate([own, _inside(rng, anywhere, labels)]).astype(np.float32)
    return DetectionRows(
        image_ids=images[order],
        labels=joined_labels[order],
        boxes_xywh=np.concatenate([near, anywhere])[order].astype(np.float32),
        scores=scores[order].astype(np.float32),
        keypoints=keypoints[_landmark_rows(order, joined_labels)],
    )


def _labels(rng: np.random.Generator, count: int) -> IntArray:
    labels: IntArray = rng.choice(len(_SHARES), count, p=_SHARES / _SHARES.sum())
    return labels


def _boxes(rng: np.random.Generator, count: int) -> Float64Array:
    """(n, 4) x y w h inside the photo, at least a tenth of it wide and high."""
    size = _PHOTO_WH * rng.uniform(0.1, 0.8, (count, 2))
    corner = (_PHOTO_WH - size) * rng.random((count, 2))
    return np.hstack([corner, size])


def _inside(rng: np.random.Generator, boxes: Float64Array, labels: IntArray) -> Float64Array:
    """(P, 2) own landmarks of the garments, anywhere in their boxes."""
    of_landmark = np.repeat(boxes, DEEPFASHION2.num_keypoints[labels], axis=0)
    points: Float64Array = of_landmark[:, :2] + of_landmark[:, 2:] * rng.random(
        (len(of_landmark), 2)
    )
    return points


def _labelled(
    rng: np.random.Generator, points: Float64Array, labels: IntArray
) -> npt.NDArray[np.float32]:
    """(P, 3) x, y, v of truth."""
    visibility = rng.choice([0, 1, 2], len(points), p=[0.15, 0.25, 0.6])
    kind = np.repeat(rng.random(len(labels)), DEEPFASHION2.num_keypoints[labels])
    visibility[kind < 0.03] = 1
    visibility[kind < 0.02] = 0
    table = np.column_stack([points, visibility])
    table[visibility == 0] = 0
    return table.astype(np.float32)


def _landmark_rows(garments: IntArray, labels: IntArray) -> IntArray:
    """Landmark rows of these garments, one after the other."""
    counts = DEEPFASHION2.num_keypoints[labels[garments]]
    first = keypoint_offsets(labels, DEEPFASHION2)[garments]
    ends = np.cumsum(counts)
    steps = np.arange(ends[-1] if len(ends) else 0)
    rows: IntArray = steps + np.repeat(first - (ends - counts), counts)
    return rows
