# SPDX-License-Identifier: Apache-2.0
"""The page of statistics: its bars have the lengths of the counts, its texts do not collide."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deepmark.datasets.check.statistics import Statistics, statistics_of
from deepmark.datasets.packing import ImageRow, ItemRow, pack
from deepmark.schema import DEEPFASHION2
from deepmark.visualization.statistics_plot import statistics_figure, write_statistics_plot


def images(count: int) -> list[ImageRow]:
    """Image i has i mod 12 garments, garment j the category (i + j) mod 13."""
    rows = []
    for i in range(count):
        row = ImageRow(f'{i}.jpg', i, 640, 480)
        for j in range(i % 12):
            label = (i + j) % 13
            keypoints = np.full((DEEPFASHION2.num_keypoints[label], 3), 2, np.float32)
            keypoints[::3, 2], keypoints[1::3, 2] = 0, 1
            attributes = (1 + i % 3, 1 + j % 3, 1, 2, 0)
            box = (0.0, 0.0, 20.0 + i, 30.0 + 9 * j)
            row.items.append(ItemRow(label, box, keypoints, j, attributes=attributes))
        rows.append(row)
    return rows


@pytest.fixture(scope='module')
def statistics() -> Statistics:
    return statistics_of(pack(images(60)), DEEPFASHION2)


def lengths(figure: Figure, panel: int) -> list[float]:
    return [bar.get_width() for bar in figure.axes[panel].patches]


def test_bars_have_the_lengths_of_the_counts(statistics: Statistics) -> None:
    figure = statistics_figure(statistics, 'data/train')
    assert lengths(figure, 0) == statistics.items_per_category.tolist()
    totals = statistics.landmarks.sum(axis=1)
    visible, occluded, absent = np.reshape(lengths(figure, 1), (3, 13))
    assert visible == pytest.approx(100 * statistics.landmarks[:, 2] / totals)
    assert occluded == pytest.approx(100 * statistics.landmarks[:, 1] / totals)
    assert visible + occluded + absent == pytest.approx(100)
    assert sum(lengths(figure, 2)[:3]) == pytest.approx(100)  # the three scales
    heights = [bar.get_height() for bar in figure.axes[3].patches]
    assert sum(heights) == pytest.approx(100)
    heights = [bar.get_height() for bar in figure.axes[4].patches]
    assert heights == pytest.approx([100 / 12] * 6 + [600 / 12])  # 6 to 11 in one bar


@pytest.mark.parametrize('count', [2, 60])
def test_every_panel_has_title_and_axis_label_and_no_texts_collide(count: int) -> None:
    figure = statistics_figure(statistics_of(pack(images(count)), DEEPFASHION2), 'data/train')
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = []
    for axes in figure.axes:
        assert axes.get_title()
        assert axes.get_xlabel()
        texts = [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.get_yticklabels()]
        left, right = axes.get_xlim()
        texts += [t for t in axes.get_xticklabels() if left <= t.get_position()[0] <= right]
        texts += axes.texts
        boxes += [(text.get_window_extent(), text) for text in texts if text.get_text()]
    width, height = figure.bbox.size
    for found, _ in boxes:
        assert found.x0 >= 0
        assert found.x1 <= width
        assert found.y1 <= height
    assert len(boxes) > 50
    for (first, text), (second, other) in combinations(boxes, 2):
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        down = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert across < 1 or down < 1, (text, other)


def test_png_is_written_whole_and_not_replaced_unasked(
    statistics: Statistics, tmp_path: Path
) -> None:
    path = tmp_path / 'new' / 'statistics.png'
    write_statistics_plot(path, statistics, 'data/$train_$' * 20)
    assert cv2.imread(str(path)).shape[1] == 1500
    assert [file.name for file in path.parent.iterdir()] == ['statistics.png']
    with pytest.raises(FileExistsError, match='--overwrite'):
        write_statistics_plot(path, statistics, 'data/train')
    write_statistics_plot(path, statistics, 'data/train', overwrite=True)


def test_page_without_garments_says_so() -> None:
    figure = statistics_figure(statistics_of(pack(images(1)), DEEPFASHION2), 'photos')
    assert 'no garments to count' in [text.get_text() for text in figure.texts]
    assert figure.axes == []


@pytest.mark.parametrize(
    ('title', 'shown'),
    [
        ('/home/somebody/data/objects/train.json', 'objects/train.json'),
        ('data/train', 'data/train'),
        ('photos', 'photos'),
    ],
)
def test_of_a_path_the_last_two_parts_are_the_title(title: str, shown: str) -> None:
    figure = statistics_figure(statistics_of(pack(images(1)), DEEPFASHION2), title)
    assert figure.get_suptitle().splitlines()[0] == shown
