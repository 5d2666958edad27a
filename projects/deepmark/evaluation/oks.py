# SPDX-License-Identifier: Apache-2.0
"""Object keypoint similarity (OKS) as DeepFashion2's evaluator defines it.

Source: switchablenorms/DeepFashion2, evaluation. ``area`` is box width x height (not the mask's).
Legend: D detections, K landmarks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]


def keypoint_similarity(
    squared_distance: FloatArray, area: float | FloatArray, sigmas: FloatArray
) -> npt.NDArray[np.float64]:
    """Similarity of single landmarks: ``exp(-d^2 / (2 * area * (2 * sigma)^2))``.

    Args:
        squared_distance: (..., K) squared distances in pixels^2.
        area: box width x height of the truth in pixels^2, one or (..., 1); 0 is taken as the
            smallest step.
        sigmas: (K,) the landmarks' constants.

    Example:
        >>> float(keypoint_similarity(np.array([0.0]), 100.0, np.array([0.05]))[0])
        1.0
    """
    variance = (sigmas * 2) ** 2
    return np.asarray(np.exp(-(squared_distance / variance / (area + np.spacing(1)) / 2)))


def object_keypoint_similarity(
    keypoints: FloatArray, truth: FloatArray, area: float, sigmas: FloatArray
) -> npt.NDArray[np.float64]:
    """OKS: the mean similarity over the labelled landmarks of one true garment.

    Args:
        keypoints: (D, K, 2) detected x, y.
        truth: (K, 3) x, y, v; at least one v > 0.
        area: box width x height of the truth.
        sigmas: (K,).

    Returns:
        (D,) in 0 .. 1.
    """
    labelled = truth[:, 2] > 0
    offset = np.compress(labelled, keypoints, axis=1) - truth[labelled, :2]
    squared_distance = np.ascontiguousarray((offset**2).sum(axis=2))
    similarity = keypoint_similarity(squared_distance, area, sigmas[labelled])
    return np.asarray(similarity.sum(axis=1) / np.count_nonzero(labelled))


def similarity_to_unlabelled(
    keypoints: FloatArray, box_xywh: FloatArray, sigmas: FloatArray
) -> npt.NDArray[np.float64]:
    """Mean similarity to a garment without labelled landmarks, which counts as ignored truth.

    The distance of a landmark is how far it lies outside the box enlarged by its own width and
    height on every side.

    Args:
        keypoints: (D, K, 2) detected x, y.
        box_xywh: (4,) of the truth.
        sigmas: (K,).

    Returns:
        (D,) in 0 .. 1.
    """
    squared_distance = _squared_outside(keypoints, box_xywh[None])
    area = float(box_xywh[2] * box_xywh[3])
    return np.asarray(keypoint_similarity(squared_distance, area, sigmas).mean(axis=1))


def similarity_to_unlabelled_dense(
    keypoints: FloatArray,
    boxes_xywh: FloatArray,
    sigmas: FloatArray,
    other_sigmas: FloatArray,
) -> npt.NDArray[np.float64]:
    """:func:`similarity_to_unlabelled` over all slots, the other categories' lying at (0, 0).

    Args:
        keypoints: (M, K, 2) detected x, y of the category's own landmarks.
        boxes_xywh: (M, 4) of the truth that each is compared with.
        sigmas: (K,) of the own landmarks.
        other_sigmas: (S - K,) of all others.

    Returns:
        (M,) in 0 .. 1.
    """
    area = (boxes_xywh[:, 2] * boxes_xywh[:, 3])[:, None]
    own = keypoint_similarity(_squared_outside(keypoints, boxes_xywh), area, sigmas)
    origin = _squared_outside(np.zeros((len(boxes_xywh), 1, 2)), boxes_xywh)
    others = keypoint_similarity(origin, area, other_sigmas)
    total = own.sum(axis=1) + others.sum(axis=1)
    return np.asarray(total / (len(sigmas) + len(other_sigmas)))


def distance_of_similarity(
    similarity: FloatArray, area: FloatArray, sigma: float
) -> npt.NDArray[np.float64]:
    """The distance in pixels at which :func:`keypoint_similarity` has this value.

    0 is taken as the smallest positive number, so that the distance is finite.
    """
    variance = (sigma * 2) ** 2
    exponent = -np.log(np.maximum(similarity, np.finfo(np.float64).tiny))
    return np.asarray(np.sqrt(2 * variance * (area + np.spacing(1)) * exponent))


def _squared_outside(keypoints: FloatArray, boxes_xywh: FloatArray) -> FloatArray:
    """(D, K) squared distance of (D, K, 2) from (D or 1, 4) boxes enlarged by their own size."""
    corner, size = boxes_xywh[:, None, :2], boxes_xywh[:, None, 2:]
    below = np.maximum(0, (corner - size) - keypoints)
    above = np.maximum(0, keypoints - (corner + size * 2))
    return np.ascontiguousarray(((below + above) ** 2).sum(axis=2))
