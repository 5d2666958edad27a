# SPDX-License-Identifier: Apache-2.0
"""Figures as tables."""

from __future__ import annotations

from deepmark.evaluation.figure_table import (
    category_table,
    overall_table,
    rendered,
    slice_table,
)
from deepmark.schema import DEEPFASHION2


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


def test_recall_of_boxes_is_that_of_100_detections() -> None:
    figures = {'bbox': {'AP': 0.5, 'AR_100': 0.25}, 'keypoints_visible': {'AP': 1.0, 'AR': 0.125}}
    table = overall_table(figures, '', ('AP', 'AR'))
    assert list(table.columns[2].cells) == ['0.250', '0.125']


def test_every_category_is_a_row_with_the_mean_below() -> None:
    of_boxes = {'AP': 0.5, 'AP_per_category': [-1.0, 0.75] + [0.0] * 11}
    lines = rendered(category_table({'bbox': of_boxes}, DEEPFASHION2)).splitlines()
    assert lines[0].strip() == 'AP per category'
    assert lines[2].split('|')[1:-1] == [f' {"category":<20} ', ' boxes ']
    cells = [[cell.strip() for cell in line.split('|')[1:-1]] for line in lines if '.' in line]
    assert cells[:2] == [['long sleeve top', '0.750'], ['short sleeve outwear', '0.000']]
    assert '| short sleeve top     |     - |' in lines
    assert cells[-1] == ['all', '0.500']
    assert len(cells) == 12 + 1


def test_every_level_is_a_row() -> None:
    def level(ap: float, with_landmarks: int) -> dict[str, dict[str, float]]:
        return {
            'bbox': {'AP': ap, 'garments': 1200},
            'keypoints_visible': {'AP': -1, 'garments': with_landmarks},
        }

    slices = {
        'scale': {'small': level(0.25, 900), 'large': level(0.5, 0)},
        'zoom_in': {'no': level(1, 7)},
    }
    assert [list(column.cells) for column in slice_table(slices).columns] == [
        ['scale', '', 'zoom_in'],
        ['small', 'large', 'no'],
        ['1,200', '1,200', '1,200'],
        ['0.250', '0.500', '1.000'],
        ['-', '-', '-'],
    ]
