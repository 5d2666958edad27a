# SPDX-License-Identifier: Apache-2.0
"""Which detections and true garments of an image overlap, and which belong together.

Matching rule, the one of COCO's evaluator: detections choose in the order of their scores (equal
scores: smaller label first, then the order of the rows). Each takes the free truth with which it
overlaps most (equal overlap: the larger label, then the later row), if there is one.

Legend: D detections, G true garments, P pairs, M matches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deepmark.evaluation.garment_rows import (
    BoolArray,
    DetectionRows,
    FloatArray,
    IntArray,
    TruthRows,
)

PAIRS_AT_ONCE = 1_000_000  # bounds the memory: about 150 MB of temporary arrays
Float64Array = npt.NDArray[np.float64]


class BoxPairs(NamedTuple):
    """Overlapping detections and truths of the same image, by detection and truth row.

    Attributes:
        detection: (P,) rows.
        truth: (P,) rows.
        overlap: (P,) IoU; with a crowd garment the covered share of the detection, as in COCO.
    """

    detection: IntArray
    truth: IntArray
    overlap: Float64Array

    def where(self, chosen: BoolArray) -> BoxPairs:
        """Only the chosen pairs."""
        return BoxPairs(self.detection[chosen], self.truth[chosen], self.overlap[chosen])


class Matches(NamedTuple):
    """Detections and truths that belong together: (M,) rows each; every row at most once."""

    detection: IntArray
    truth: IntArray


def overlapping_pairs(
    truth: TruthRows,
    detections: DetectionRows,
    min_overlap: float = 0.1,
    pairs_at_once: int = PAIRS_AT_ONCE,
) -> BoxPairs:
    """All pairs of the same image that overlap enough, whatever their categories.

    Args:
        truth: true garments, in any order.
        detections: detected garments, in any order.
        min_overlap: greater than 0.
        pairs_at_once: pairs compared in one step; more need more memory.
    """
    by_image = np.argsort(truth.image_ids, kind='stable')
    image_ids = truth.image_ids[by_image]
    first = np.searchsorted(image_ids, detections.image_ids, side='left')
    count = np.searchsorted(image_ids, detections.image_ids, side='right') - first
    parts = [BoxPairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for rows in _portions(count, pairs_at_once):
        detection = np.repeat(rows, count[rows])
        truth_row = by_image[np.repeat(first[rows], count[rows]) + _steps(count[rows])]
        overlap = _overlap(
            detections.boxes_xywh[detection],
            truth.boxes_xywh[truth_row],
            truth.crowd[truth_row],
        )
        parts.append(BoxPairs(detection, truth_row, overlap).where(overlap >= min_overlap))
    return BoxPairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def match_by_score(pairs: BoxPairs, detections: DetectionRows, truth_labels: IntArray) -> Matches:
    """Match one to one, by the rule above.

    It is done in rounds. In each, a pair is taken when the detection has no better free truth and
    no detection that chooses earlier overlaps this truth. The first of the remaining detections of
    an image always finds its pair so, hence there are at most as many rounds as an image has
    garments.

    Args:
        pairs: what may be matched; pairs below the wanted overlap must have been left out.
        detections: their scores and labels give the order.
        truth_labels: (G,).
    """
    turn = np.empty(len(detections), np.int64)
    turn[np.lexsort((detections.labels, -detections.scores.astype(np.float64)))] = np.arange(
        len(detections)
    )
    order = np.lexsort(
        (-pairs.truth, -truth_labels[pairs.truth], -pairs.overlap, turn[pairs.detection])
    )
    detection, truth = pairs.detection[order], pairs.truth[order]
    found: list[tuple[IntArray, IntArray]] = [(detection[:0], truth[:0])]
    while len(detection):
        first_choice = np.concatenate([[True], detection[1:] != detection[:-1]])
        _, first_to_want = np.unique(truth, return_index=True)
        taken = first_to_want[first_choice[first_to_want]]
        found.append((detection[taken], truth[taken]))
        free = ~(np.isin(detection, detection[taken]) | np.isin(truth, truth[taken]))
        detection, truth = detection[free], truth[free]
    rows, truths = (np.concatenate(column) for column in zip(*found, strict=True))
    by_row = np.argsort(rows)
    return Matches(rows[by_row], truths[by_row])


def _portions(count: IntArray, pairs_at_once: int) -> list[IntArray]:
    """Rows of detections with truths in their image, cut so that each part has few pairs."""
    rows = np.flatnonzero(count)
    cuts = np.flatnonzero(np.diff(np.cumsum(count[rows]) // pairs_at_once)) + 1
    return np.split(rows, cuts) if len(rows) else []


def _steps(count: IntArray) -> IntArray:
    """0 .. count - 1 for every count, one after the other."""
    ends = np.cumsum(count)
    return np.asarray(np.arange(count.sum()) - np.repeat(ends - count, count))


def _overlap(boxes_xywh: FloatArray, truth_xywh: FloatArray, crowd: BoolArray) -> Float64Array:
    """(P,) IoU of rows of boxes; boxes without area overlap nothing."""
    box, other = boxes_xywh.astype(np.float64), truth_xywh.astype(np.float64)
    low = np.maximum(box[:, :2], other[:, :2])
    high = np.minimum(box[:, :2] + box[:, 2:], other[:, :2] + other[:, 2:])
    shared = np.maximum(high - low, 0).prod(axis=1)
    area, other_area = box[:, 2:].prod(axis=1), other[:, 2:].prod(axis=1)
    whole = np.where(crowd, area, area + other_area - shared)
    return np.asarray(np.divide(shared, whole, out=np.zeros_like(shared), where=shared > 0))
