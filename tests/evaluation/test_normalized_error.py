# SPDX-License-Identifier: Apache-2.0
"""Normalized error by hand, and how the known mistake would differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.normalized_error import (
    NormalizedError,
    normalized_distance,
    summarize,
)


def sample(
    number: int,
    predicted: list[list[float]],
    truth: list[list[float]],
    box: tuple[float, float, float, float] = (0, 0, 100, 200),
) -> dict[str, Any]:
    """One garment; truth is x, y, v."""
    xyv = np.array(truth, np.float32)
    return {
        'id': number,
        'img_path': f'{number}.jpg',
        'pred_instances': {'keypoints': np.array([predicted], np.float32)},
        'gt_instances': {
            'keypoints': xyv[None, :, :2],
            'keypoints_visible': np.minimum(1, xyv[None, :, 2]),
            'bboxes': np.array([box], np.float32),
        },
        'raw_ann_info': {'keypoints': xyv.ravel().tolist()},
    }


def evaluate(*samples: dict[str, Any], **arguments: Any) -> dict[str, float]:
    metric = NormalizedError(**arguments)
    metric.dataset_meta = {'keypoint_id2name': {0: 'left collar', 1: 'right collar'}}
    metric.process({}, samples)
    figures: dict[str, float] = metric.evaluate(len(samples))
    return figures


def test_x_in_widths_and_y_in_heights() -> None:
    # 30 of 100 and 80 of 200: (0.3, 0.4), so 0.5.
    assert normalized_distance([[[30, 80]]], [[[0, 0]]], [[100, 200]]).tolist() == [[0.5]]


def test_mean_of_the_landmarks_means() -> None:
    # Landmark 0: 0.1 and 0.3, mean 0.2; landmark 1: 0.5 once. Mean of the means: 0.35.
    figures = evaluate(
        sample(1, [[10, 0], [50, 0]], [[0, 0, 2], [0, 0, 2]]),
        sample(2, [[30, 0], [99, 0]], [[0, 0, 2], [0, 0, 1]]),
    )
    assert figures['fashion/NE'] == pytest.approx(0.35)
    assert figures['fashion/NE_left_collar'] == pytest.approx(0.2)
    assert figures['fashion/NE_right_collar'] == pytest.approx(0.5)


def test_percentage_of_detected_landmarks_counts_all_visible_ones_together() -> None:
    figures = evaluate(
        sample(1, [[10, 0], [50, 0]], [[0, 0, 2], [0, 0, 2]]),
        sample(2, [[30, 0], [99, 0]], [[0, 0, 2], [0, 0, 1]]),
        thresholds=(0.1, 0.3, 0.4),
    )
    shares = [figures[f'fashion/PDL@{t}'] for t in (0.1, 0.3, 0.4)]
    assert shares == pytest.approx([1 / 3, 2 / 3, 2 / 3])


def test_curve_grows_to_its_end() -> None:
    figures = evaluate(sample(1, [[10, 0], [5, 0]], [[0, 0, 2], [0, 0, 2]]), curve=True)
    curve = [figures[f'fashion/PDL_curve@{t / 100:g}'] for t in range(1, 21)]
    assert curve == [0.0] * 4 + [0.5] * 5 + [1.0] * 11


def test_landmarks_that_are_never_visible_weigh_nothing() -> None:
    figures = evaluate(sample(1, [[10, 0], [99, 99]], [[0, 0, 2], [0, 0, 0]]))
    assert figures['fashion/NE'] == pytest.approx(0.1)
    assert 'fashion/NE_right_collar' not in figures


def test_counting_invisible_slots_as_no_error_would_be_another_figure() -> None:
    """The known mistake averages over all slots, with 0 in those that are not visible."""
    distances = np.array([[0.1, 0.5], [0.3, 0.9]])
    visible = np.array([[True, True], [True, False]])
    ours = summarize(distances, visible).mean
    mistaken = np.where(visible, distances, 0).mean(axis=0).mean()
    assert ours == pytest.approx(0.35)
    assert mistaken == pytest.approx(0.225)


def test_a_garment_that_two_ranks_have_seen_counts_once() -> None:
    once = sample(1, [[10, 0], [50, 0]], [[0, 0, 2], [0, 0, 2]])
    other = sample(2, [[30, 0], [50, 0]], [[0, 0, 2], [0, 0, 2]])
    assert evaluate(once, other, other) == evaluate(once, other)


def test_tensors_are_taken_too() -> None:
    data = sample(1, [[10, 0], [50, 0]], [[0, 0, 2], [0, 0, 2]])
    data['pred_instances']['keypoints'] = torch.as_tensor(data['pred_instances']['keypoints'])
    assert evaluate(data)['fashion/NE'] == pytest.approx(0.3)


class TestErrors:
    def test_nothing_visible(self) -> None:
        with pytest.raises(EvaluationError, match='none of the 1 garments has a visible landmark'):
            evaluate(sample(1, [[10, 0], [50, 0]], [[0, 0, 1], [0, 0, 0]]))

    def test_shapes(self) -> None:
        with pytest.raises(EvaluationError, match=r'1\.jpg: predicted .* \(1, 1, 2\), true ones'):
            evaluate(sample(1, [[10, 0]], [[0, 0, 2], [0, 0, 2]]))

    def test_box_without_size(self) -> None:
        with pytest.raises(EvaluationError, match=r'1\.jpg: the box .* has no size'):
            evaluate(sample(1, [[10, 0]], [[0, 0, 2]], box=(5, 5, 5, 9)))

    def test_no_visibilities(self) -> None:
        data = sample(1, [[10, 0]], [[0, 0, 2]])
        del data['raw_ann_info']
        with pytest.raises(EvaluationError, match='raw_ann_info'):
            evaluate(data)
