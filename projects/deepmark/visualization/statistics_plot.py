# SPDX-License-Identifier: Apache-2.0
"""The statistics of a data set on one page."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from deepmark.atomic_write import atomic_path
from deepmark.datasets.check.statistics import VISIBILITY_NAMES, Statistics

# Okabe and Ito's colours, which colour-blind people can tell apart.
_BLUE, _ORANGE, _GREEN, _PURPLE, _GREY = '#0072B2', '#E69F00', '#009E73', '#CC79A7', '#BBBBBB'
_VISIBILITY_COLORS = {'visible': _BLUE, 'occluded': _ORANGE, 'absent': _GREY}
_ATTRIBUTE_COLORS = (_BLUE, _ORANGE, _GREEN, _PURPLE)
_WIDTH, _LOWER_HEIGHT, _CATEGORY_HEIGHT, _PADDING = 15.0, 5.2, 0.32, 0.15  # inches
_ITEMS_SHOWN = 6  # images with more garments share one bar
_LEGEND_PAD = 26  # points between a title and its panel, for the legend
_MAX_TITLE = 110


def write_statistics_plot(
    path: str | os.PathLike[str], statistics: Statistics, title: str, overwrite: bool = False
) -> None:
    """Write a PNG: categories, landmarks, attributes, box sizes, garments per image.

    Args:
        path: the file.
        statistics: what to draw; without garments the page says so.
        title: what was counted; of a path the last two parts are shown.
        overwrite: replace an existing file.

    Raises:
        FileExistsError: the file exists and ``overwrite`` is false.
    """
    figure = statistics_figure(statistics, title)
    with atomic_path(path, overwrite) as temporary:
        figure.savefig(temporary, dpi=100)


def statistics_figure(statistics: Statistics, title: str) -> Figure:
    """The page as a figure of matplotlib."""
    upper = 1.4 + _CATEGORY_HEIGHT * len(statistics.categories)
    layout = ConstrainedLayoutEngine(w_pad=_PADDING, h_pad=_PADDING)
    figure = Figure(figsize=(_WIDTH, upper + _LOWER_HEIGHT), layout=layout)
    FigureCanvasAgg(figure)
    shown = '/'.join(PurePath(title).parts[-2:])
    shown = shown if len(shown) <= _MAX_TITLE else f'... {shown[-_MAX_TITLE:]}'
    figure.suptitle(
        f'{shown}\n{statistics.num_images:,} images, {statistics.num_items:,} garments',
        fontsize='x-large',
        parse_math=False,
    )
    if not statistics.num_items:
        figure.text(0.5, 0.5, 'no garments to count', ha='center', fontsize='xx-large')
        return figure
    rows = figure.add_gridspec(2, 1, height_ratios=[upper, _LOWER_HEIGHT])
    above, below = rows[0].subgridspec(1, 2), rows[1].subgridspec(1, 3)
    categories = figure.add_subplot(above[0])
    _draw_categories(categories, statistics)
    _draw_landmarks(figure.add_subplot(above[1], sharey=categories), statistics)
    _draw_attributes(figure.add_subplot(below[0]), statistics)
    _draw_box_sizes(figure.add_subplot(below[1]), statistics)
    _draw_items_per_image(figure.add_subplot(below[2]), statistics)
    return figure


def _draw_categories(axes: Axes, statistics: Statistics) -> None:
    counts = statistics.items_per_category
    rows = np.arange(len(counts))
    bars = axes.barh(rows, counts, color=_BLUE)
    axes.bar_label(bars, [_count_text(n, statistics.num_items) for n in counts], padding=3)
    axes.set_yticks(rows, statistics.categories, parse_math=False)
    axes.invert_yaxis()
    axes.set_title('garments by category')
    axes.set_xlabel('garments')
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.22, y=0.02)
    _clean(axes)


def _draw_landmarks(axes: Axes, statistics: Statistics) -> None:
    """Shares by category: visible, occluded, absent, from the left."""
    totals = statistics.landmarks.sum(axis=1)
    rows = np.arange(len(totals))
    left = np.zeros(len(totals))
    for name in reversed(VISIBILITY_NAMES):
        counts = statistics.landmarks[:, VISIBILITY_NAMES.index(name)]
        shares = 100 * counts / np.maximum(totals, 1)
        bars = axes.barh(rows, shares, left=left, color=_VISIBILITY_COLORS[name], label=name)
        texts = [f'{share:.0f}' if share >= 4 else '' for share in shares]
        color = 'white' if name == 'visible' else 'black'
        axes.bar_label(bars, texts, label_type='center', color=color)
        left += shares
    axes.tick_params(axis='y', labelleft=False)
    axes.set_title(f'landmarks by category ({int(totals.sum()):,} in all)', pad=_LEGEND_PAD)
    axes.set_xlabel("percent of the category's landmarks")
    axes.set_xlim(0, 100)
    _legend_above(axes)
    _clean(axes)


def _draw_attributes(axes: Axes, statistics: Statistics) -> None:
    labels, shares, colors = [], [], []
    for (attribute, levels), color in zip(
        statistics.attributes.items(), _ATTRIBUTE_COLORS, strict=True
    ):
        for level, count in levels.items():
            if count or level != 'unknown':
                labels.append(f'{attribute.replace("_", "-")}: {level}')
                shares.append(100 * count / statistics.num_items)
                colors.append(_GREY if level == 'unknown' else color)
    rows = np.arange(len(labels))
    bars = axes.barh(rows, shares, color=colors)
    axes.bar_label(bars, [f'{share:.1f}' for share in shares], padding=3)
    axes.set_yticks(rows, labels)
    axes.invert_yaxis()
    axes.set_title('garments by attribute')
    axes.set_xlabel('percent of the garments')
    axes.set_xlim(0, 115)
    axes.set_xticks(range(0, 101, 20))
    _clean(axes)


def _draw_box_sizes(axes: Axes, statistics: Statistics) -> None:
    edges = statistics.box_edges
    shares = 100 * statistics.box_counts / statistics.num_items
    axes.bar(edges[:-1], shares, np.diff(edges), align='edge', color=_GREEN, edgecolor='white')
    axes.set_xscale('log', base=2)
    ticks = 2.0 ** np.arange(np.floor(np.log2(edges[0])), np.ceil(np.log2(edges[-1])) + 1)
    axes.set_xticks(ticks, [f'{tick:g}' for tick in ticks])
    axes.minorticks_off()
    median = statistics.box_percentiles[50]
    axes.axvline(median, color='black', linestyle='--', label=f'median {median:.0f} pixels')
    axes.set_title('box sizes', pad=_LEGEND_PAD)
    axes.set_xlabel('sqrt(width x height) in pixels')
    axes.set_ylabel('percent of the garments')
    _legend_above(axes)
    _clean(axes, grid='y')


def _draw_items_per_image(axes: Axes, statistics: Statistics) -> None:
    counts = statistics.items_per_image.tolist()
    names = [str(number) for number in range(len(counts))]
    if len(counts) > _ITEMS_SHOWN + 1:
        counts = [*counts[:_ITEMS_SHOWN], sum(counts[_ITEMS_SHOWN:])]
        names = [*names[:_ITEMS_SHOWN], f'{_ITEMS_SHOWN}+']
    bars = axes.bar(names, [100 * count / statistics.num_images for count in counts], color=_PURPLE)
    axes.bar_label(bars, [f'{count:,}' for count in counts], padding=3, fontsize='small')
    axes.set_title('garments per image')
    axes.set_xlabel('garments (above the bars: images)')
    axes.set_ylabel('percent of the images')
    axes.margins(y=0.12)
    _clean(axes, grid='y')


def _legend_above(axes: Axes) -> None:
    axes.legend(loc='lower center', bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)


def _count_text(count: int, total: int) -> str:
    return f'{count:,} ({count / total:.1%})'


def _clean(axes: Axes, grid: Literal['x', 'y'] = 'x') -> None:
    axes.grid(axis=grid, alpha=0.3)
    axes.set_axisbelow(True)
    for side in ('top', 'right'):
        axes.spines[side].set_visible(False)
