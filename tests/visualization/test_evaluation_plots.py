# SPDX-License-Identifier: Apache-2.0
"""The plots hold what they are given; nothing is drawn into pyplot's global state."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from deepmark.visualization import evaluation_plots as plots

NAMES = ['vest', 'skirt']
COUNTS = np.array([[3, 1], [0, 0]])


def figures() -> dict[str, Figure]:
    curve = np.linspace(1, 0, 101)
    panel = plots.PrecisionPanel('boxes', {'IoU 0.50': curve}, np.stack([curve, curve * np.nan]))
    confusion = np.array([[5, 0, 1], [2, 0, 0], [1, 1, 0]])
    nan = np.full(2, np.nan)
    return {
        'precision': plots.precision_recall_figure([panel, panel]),
        'confusion': plots.confusion_figure(confusion, NAMES),
        'shares': plots.stacked_shares_figure(
            COUNTS, NAMES, ['right', 'wrong'], [plots.GREEN, plots.GREY], 'things'
        ),
        'pck': plots.pck_figure(np.linspace(0, 0.3, 5), {'all': np.arange(5) / 5}, [0.1], 'size'),
        'bars': plots.grouped_bars_figure({'a': np.array([0.25, np.nan]), 'b': nan}, NAMES, 'AP'),
        'map': plots.landmark_map_figure(np.array([[0.1, 0.2], [0.3, np.nan]]), NAMES, 1, 'NME'),
        'empty map': plots.landmark_map_figure(np.full((2, 2), np.nan), NAMES, 1, 'NME'),
        'scores': plots.score_figure(
            np.linspace(0, 1, 3), np.array([1, 2]), np.array([3, 0]), np.array([0.25, 1])
        ),
    }


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for ax in figure.axes for text in ax.texts]


@pytest.mark.parametrize('name', figures())
def test_plots_are_pictures_and_leave_pyplot_alone(name: str) -> None:
    png = plots.figure_png(figures()[name])
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 10
    assert (image[:2] == 255).all()  # light ground, nothing cut off at the upper edge
    assert pyplot.get_fignums() == []


def test_confusion_counts_stand_in_the_cells_and_rows_are_shares() -> None:
    figure = figures()['confusion']
    assert sorted(texts(figure)) == ['1', '1', '1', '2', '5']
    shares = figure.axes[0].images[0].get_array()
    assert shares[0].tolist() == pytest.approx([5 / 6, 0, 1 / 6])
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == [*NAMES, 'background']


def test_shares_have_a_bar_for_all_first() -> None:
    figure = figures()['shares']
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ['all', *NAMES]
    widths = [round(bar.get_width(), 3) for bar in figure.axes[0].patches]
    assert widths == [0.75, 0.75, 0, 0.25, 0.25, 0]
    assert texts(figure)[-3:] == ['4 things', '4', '0']


def test_bars_of_nothing_are_marked() -> None:
    assert texts(figures()['bars']) == ['0.250', '–', '–', '–']


def test_categories_without_truth_have_no_curve() -> None:
    lines = figures()['precision'].axes[0].lines
    drawn = [line for line in lines if np.isfinite(line.get_ydata()).any()]
    assert len(drawn) == 2  # one category and the mean
