# SPDX-License-Identifier: Apache-2.0
"""What the benchmark of the evaluation measures with: drawn results, and plain pycocotools."""

from __future__ import annotations

import numpy as np
import pytest

from deepmark.benchmarks.evaluation import compare_with_pycocotools
from deepmark.benchmarks.synthetic_results import synthetic_results
from deepmark.evaluation.coco_evaluation import VISIBLE_AND_OCCLUDED, evaluate
from deepmark.evaluation.garment_rows import check_rows, labelled_counts
from deepmark.schema import DEEPFASHION2


def test_drawn_results_hold_what_makes_evaluators_differ() -> None:
    truth, detections, image_ids = synthetic_results(400)
    check_rows(truth, DEEPFASHION2, 'truth')
    check_rows(detections, DEEPFASHION2, 'detections')
    assert (len(truth), len(detections)) == (641, 8000)  # 400 * 51,490 / 32,153 = 640.6
    assert set(truth.image_ids.tolist()) == set(image_ids.tolist())
    assert truth.crowd.any()
    assert (labelled_counts(truth, DEEPFASHION2) == 0).sum() > 2
    assert len(np.unique(detections.scores)) < len(detections)
    assert detections.keypoints is not None
    assert detections.keypoints.dtype == np.float32
    figures = evaluate(truth, detections, image_ids)
    assert 0.1 < figures[VISIBLE_AND_OCCLUDED]['AP'] < 0.9


def test_the_same_seed_draws_the_same_results() -> None:
    first, again, other = (synthetic_results(5, seed=seed).detections for seed in (1, 1, 2))
    assert np.array_equal(first.boxes_xywh, again.boxes_xywh)
    assert not np.array_equal(first.boxes_xywh, other.boxes_xywh)


@pytest.mark.parametrize('backend', ['auto', 'pycocotools'])
def test_ours_and_pycocotools_give_the_same(backend: str) -> None:
    measured = compare_with_pycocotools(20, backend)  # type: ignore[arg-type]
    assert measured['eval_max_difference'] <= 1e-12
    assert (measured['eval_tenth_images'], measured['eval_tenth_detections']) == (20, 400)
    assert measured['eval_ours_seconds_tenth'] > 0
    assert measured['eval_pycocotools_seconds_tenth'] > 0
