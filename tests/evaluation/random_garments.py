# SPDX-License-Identifier: Apache-2.0
"""Random truth and detections full of the cases in which evaluators differ."""

from __future__ import annotations

import numpy as np

from deepmark.evaluation.garment_rows import DetectionRows, TruthRows, own_landmarks
from deepmark.schema import DEEPFASHION2

IMAGES = np.arange(1, 9) * 1000  # the last two have no truth, image 7000 has no detections


def difficult_rows(
    seed: int, truths: int = 40, detections: int = 160, crowded: int = 0
) -> tuple[TruthRows, DetectionRows]:
    """Garments of few categories, so that several of one share an image.

    Ties in score, boxes on a grid of 10 pixels (IoU on the thresholds) some of which are empty,
    ``iscrowd``, garments without landmarks or without visible ones, images without truth.

    Args:
        seed: of the random numbers.
        truths: true garments.
        detections: detected garments, half of them near a truth, half anywhere.
        crowded: further detections of one category in the first image.
    """
    rng = np.random.default_rng(seed)
    labels = rng.choice([0, 3, 8], truths)
    images = rng.choice(IMAGES[:-2], truths)
    boxes = rng.integers(0, 16, (truths, 4)) * 10.0
    inside = rng.random((truths, DEEPFASHION2.max_keypoints, 2))
    padded = boxes[:, None, :2] + inside * boxes[:, None, 2:]
    visibility = rng.integers(0, 3, padded.shape[:2])
    visibility *= rng.choice([0, 1, 1, 1], truths)[:, None]
    visibility[rng.random(truths) < 0.1] = 1
    padded_truth = np.concatenate([padded, visibility[..., None]], axis=2)
    padded_truth[visibility == 0] = 0
    truth = TruthRows(
        image_ids=images,
        labels=labels,
        boxes_xywh=boxes,
        crowd=rng.random(truths) < 0.1,
        keypoints=own_landmarks(padded_truth, labels, DEEPFASHION2),
        attributes=rng.integers(0, 4, (truths, 4)),
    )
    near = rng.integers(0, truths, detections + crowded)
    moved = rng.random(len(near)) < 0.5
    found_images = np.where(moved, images[near], rng.choice(np.delete(IMAGES, 6), len(near)))
    found_labels = labels[near]
    found_images[detections:], found_labels[detections:] = IMAGES[0], labels[0]
    noise = rng.normal(0, rng.choice([0, 1, 4, 15], len(near))[:, None, None], (*near.shape, 39, 2))
    return truth, DetectionRows(
        image_ids=found_images,
        labels=found_labels,
        boxes_xywh=np.maximum(0, boxes[near] + rng.integers(-1, 2, (len(near), 4)) * 10.0),
        scores=rng.choice([0.1, 0.5, 0.5, 0.75, 0.9], len(near)),
        keypoints=own_landmarks(padded[near] + noise, found_labels, DEEPFASHION2),
    )
