# SPDX-License-Identifier: Apache-2.0
"""Pairs of overlapping boxes and their matching: by hand, and against plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepmark.evaluation.diagnosis.box_matching import (
    BoxPairs,
    match_by_score,
    overlapping_pairs,
)
from deepmark.evaluation.garment_rows import DetectionRows, TruthRows

from .garment_examples import found, skirt_truth

Box = tuple[int, int, int, int]


def boxes_only(image_ids: list[int], labels: list[int], boxes: list[Box]) -> TruthRows:
    return TruthRows(
        image_ids=np.array(image_ids, np.int64),
        labels=np.array(labels, np.int64),
        boxes_xywh=np.array(boxes, float).reshape(-1, 4),
        crowd=np.zeros(len(labels), np.bool_),
        keypoints=np.zeros((0, 3)),
    )


def detected(rows: TruthRows, scores: list[float]) -> DetectionRows:
    return DetectionRows(rows.image_ids, rows.labels, rows.boxes_xywh, np.array(scores), None)


def test_iou_by_hand() -> None:
    truth = skirt_truth()  # 100 x 50 at (0, 0)
    detections = replace(found(truth), boxes_xywh=np.array([[50, 25, 100, 50]], float))
    pairs = overlapping_pairs(truth, detections, 0.01)
    assert pairs.overlap == pytest.approx([50 * 25 / (5000 + 5000 - 50 * 25)])


def test_with_a_crowd_garment_the_covered_share_of_the_detection_counts() -> None:
    truth = replace(skirt_truth(), crowd=np.array([True]))
    detections = replace(found(truth), boxes_xywh=np.array([[90, 0, 20, 50]], float))
    assert overlapping_pairs(truth, detections).overlap == pytest.approx([0.5])


def test_garments_of_other_images_and_empty_boxes_have_no_pairs() -> None:
    truth = TruthRows.concatenate([skirt_truth(1), skirt_truth(3)])
    assert len(overlapping_pairs(truth, found(skirt_truth(2))).overlap) == 0
    flat = replace(found(skirt_truth(1)), boxes_xywh=np.zeros((1, 4)))
    assert len(overlapping_pairs(replace(truth, boxes_xywh=np.zeros((2, 4))), flat).overlap) == 0
    assert len(overlapping_pairs(TruthRows.concatenate([]), flat).overlap) == 0


def test_a_better_detection_takes_the_truth_and_the_next_one_the_second_best() -> None:
    # truths a, b; both detections prefer a, the second row has the better score
    truth = boxes_only([1, 1], [0, 0], [(0, 0, 10, 10), (2, 0, 10, 10)])
    detections = detected(boxes_only([1, 1], [0, 0], [(0, 0, 10, 10), (0, 0, 10, 9)]), [0.5, 0.6])
    matches = match_by_score(overlapping_pairs(truth, detections), detections, truth.labels)
    assert dict(zip(*map(np.ndarray.tolist, matches), strict=True)) == {0: 1, 1: 0}


def test_equal_overlap_goes_to_the_later_truth_and_equal_scores_to_the_earlier_row() -> None:
    same = [(0, 0, 10, 10)] * 2
    truth = boxes_only([1, 1], [0, 0], same)
    detections = detected(truth, [0.5, 0.5])
    matches = match_by_score(overlapping_pairs(truth, detections), detections, truth.labels)
    assert matches.detection.tolist() == [0, 1]
    assert matches.truth.tolist() == [1, 0]


garment = st.tuples(
    st.integers(1, 3),
    st.integers(0, 2),
    st.tuples(*[st.integers(0, 6)] * 2, *[st.integers(0, 8)] * 2),
)


@settings(max_examples=200, deadline=None)
@given(
    truths=st.lists(garment, max_size=9),
    detections=st.lists(st.tuples(garment, st.integers(0, 4)), max_size=12),
    pairs_at_once=st.sampled_from([1, 3, 1000]),
)
def test_pairs_and_matches_equal_plain_loops(
    truths: list, detections: list, pairs_at_once: int
) -> None:
    truth = boxes_only(*([row[i] for row in truths] for i in range(3)))
    rows = boxes_only(*([row[i] for row, _ in detections] for i in range(3)))
    found_rows = detected(rows, [score / 4 for _, score in detections])
    pairs = overlapping_pairs(truth, found_rows, 0.1, pairs_at_once)
    expected = _plain_pairs(truth, found_rows)
    as_dict = {
        (d, t): iou for d, t, iou in zip(*(column.tolist() for column in pairs), strict=True)
    }
    assert as_dict == expected
    matches = match_by_score(pairs, found_rows, truth.labels)
    as_set = set(zip(matches.detection.tolist(), matches.truth.tolist(), strict=True))
    assert as_set == _plain_matches(expected, found_rows, truth)


def test_no_pairs_no_matches() -> None:
    nothing = BoxPairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    matches = match_by_score(nothing, found(skirt_truth()), skirt_truth().labels)
    assert len(matches.detection) == len(matches.truth) == 0


def _plain_pairs(truth: TruthRows, detections: DetectionRows) -> dict[tuple[int, int], float]:
    pairs = {}
    for d in range(len(detections)):
        for t in range(len(truth)):
            if detections.image_ids[d] == truth.image_ids[t]:
                iou = _plain_iou(detections.boxes_xywh[d], truth.boxes_xywh[t])
                if iou >= 0.1:
                    pairs[d, t] = iou
    return pairs


def _plain_iou(a: np.ndarray, b: np.ndarray) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return float(width * height / (a[2] * a[3] + b[2] * b[3] - width * height))


def _plain_matches(
    pairs: dict[tuple[int, int], float], detections: DetectionRows, truth: TruthRows
) -> set[tuple[int, int]]:
    order = sorted(
        range(len(detections)), key=lambda d: (-detections.scores[d], detections.labels[d], d)
    )
    taken: dict[int, int] = {}
    for d in order:
        free = [t for t in range(len(truth)) if (d, t) in pairs and t not in taken]
        if free:
            taken[max(free, key=lambda t: (pairs[d, t], truth.labels[t], t))] = d
    return {(d, t) for t, d in taken.items()}
