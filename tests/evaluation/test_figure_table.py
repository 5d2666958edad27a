# SPDX-License-Identifier: Apache-2.0
"""The table of all evaluations; that of the categories is tested with the metric."""

from __future__ import annotations

from deepmark.evaluation.figure_table import overall_table


def test_each_evaluation_is_a_row_and_missing_truth_a_dash() -> None:
    figures = {
        'bbox': {'AP': 0.5, 'AP50': 0.75, 'AP75': 0.25, 'AR_100': 1.0},
        'keypoints_visible': {'AP': -1.0, 'AP50': -1.0, 'AP75': -1.0},
    }
    table = overall_table(figures, 'ten images')
    assert table.title == 'ten images'
    assert [list(column.cells) for column in table.columns] == [
        ['boxes', 'landmarks, visible'],
        ['0.500', '-'],
        ['0.750', '-'],
        ['0.250', '-'],
    ]
