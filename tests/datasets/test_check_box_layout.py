# SPDX-License-Identifier: Apache-2.0
"""Which of the two layouts of a box fits: cases with numbers that one can follow."""

from __future__ import annotations

import numpy as np
import pytest

from deepmark.datasets.check.box_layout import layout_votes
from deepmark.datasets.check.item_checks import Garments
from deepmark.datasets.packing import ImageRow, ItemRow, pack

Box = tuple[float, float, float, float]


def garments(box: Box, *points: tuple[float, float, int]) -> Garments:
    """One garment in an image of 100 x 200 (tolerance: 10 and 20 pixels)."""
    item = ItemRow(0, box, np.array(points, np.float32).reshape(-1, 3), position=1)
    row = ImageRow('1.jpg', 1, 100, 200, [item])
    return Garments(pack([row]), lambda _: ('a.json', 'item1'), 'bounding_box', 'landmarks')


CORNERS = [
    # As sizes the box would end at 120 240: outside the image.
    ((40, 80, 80, 160), [(45, 90, 2), (75, 150, 1)], (True, False)),
    # Written as sizes: 30 10 + 50 40. The landmark at 75 lies beyond x = 50.
    ((30, 10, 50, 40), [(35, 15, 2), (75, 45, 2)], (False, True)),
    # The same, but the landmark that tells is not labelled.
    ((30, 10, 50, 40), [(35, 15, 2), (75, 45, 0)], (False, False)),
    # Written as sizes: 50 60 + 30 20, the corners would have negative sizes.
    ((50, 60, 30, 20), [(55, 65, 1), (78, 79, 2)], (False, True)),
    # At the upper left corner both readings are nearly the same.
    ((0, 0, 60, 90), [(5, 5, 2), (58, 88, 2)], (False, False)),
    # Landmarks that fit neither reading.
    ((40, 80, 60, 90), [(5, 5, 2), (95, 190, 2)], (False, False)),
    # No labelled landmark, no vote.
    ((50, 60, 30, 20), [(55, 65, 0)], (False, False)),
    ((40, 80, 80, 160), [], (False, False)),
]


@pytest.mark.parametrize(('box', 'points', 'expected'), CORNERS)
def test_files_that_should_hold_corners(
    box: Box, points: list[tuple[float, float, int]], expected: tuple[bool, bool]
) -> None:
    votes = layout_votes(garments(box, *points), in_corners=True)
    assert (votes.as_read.tolist(), votes.other.tolist()) == ([expected[0]], [expected[1]])


SIZES = [
    # 40 80 with size 30 60; as corners 30 < 40.
    ((40, 80, 70, 140), [(45, 85, 2), (68, 130, 1)], (True, False)),
    # Corners 60 100 90 180 taken for sizes: ends at 150 280, outside the image.
    ((60, 100, 150, 280), [(65, 110, 2), (85, 170, 2)], (False, True)),
    # Corners 10 10 50 90 taken for sizes: 10 10 60 100 is possible too.
    ((10, 10, 60, 100), [(15, 15, 2), (48, 88, 2)], (False, False)),
]


@pytest.mark.parametrize(('box', 'points', 'expected'), SIZES)
def test_files_that_should_hold_sizes(
    box: Box, points: list[tuple[float, float, int]], expected: tuple[bool, bool]
) -> None:
    votes = layout_votes(garments(box, *points), in_corners=False)
    assert (votes.as_read.tolist(), votes.other.tolist()) == ([expected[0]], [expected[1]])
