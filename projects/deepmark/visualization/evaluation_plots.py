# SPDX-License-Identifier: Apache-2.0
"""Plots of an evaluation, from plain arrays; the colours can be told apart by everybody.

Colours: Okabe and Ito, "Color Universal Design" (2008). Every function makes its own figure; the
global state of pyplot is not touched.

Legend: C categories, R recall steps, B bins or points, K classes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.integer]

BLUE, ORANGE, GREEN, VERMILION = '#0072B2', '#E69F00', '#009E73', '#D55E00'
SKY, PURPLE, YELLOW, GREY = '#56B4E9', '#CC79A7', '#F0E442', '#9A9A9A'
INK, FAINT, PAPER = '#222222', '#D0D7DE', '#FFFFFF'
_DPI = 110
_LINES = ('-', '--', ':')


class PrecisionPanel(NamedTuple):
    """Precision over recall of one evaluation.

    Attributes:
        title: above the panel.
        curves: name -> (R,) mean over the categories, drawn thick.
        categories: (C, R) single categories, drawn thin; NaN rows are left out.
    """

    title: str
    curves: Mapping[str, FloatArray]
    categories: FloatArray


def figure_png(figure: Figure) -> bytes:
    """A figure as PNG, without the name of the program that made it."""
    file = io.BytesIO()
    figure.savefig(file, format='png', dpi=_DPI, facecolor=PAPER, metadata={'Software': None})
    return file.getvalue()


def precision_recall_figure(panels: Sequence[PrecisionPanel]) -> Figure:
    """Panels of precision over recall side by side, in one frame of 0 .. 1."""
    figure = new_figure(4.1 * len(panels) + 0.4, 4.2)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for ax, panel in zip(axes, panels, strict=True):
        recall = np.linspace(0, 1, panel.categories.shape[1])
        ax.plot(recall, panel.categories.T, color=FAINT, linewidth=0.9)
        for (name, precision), line, color in zip(
            panel.curves.items(), _LINES, (BLUE, VERMILION, GREEN), strict=False
        ):
            ax.plot(recall, precision, color=color, linestyle=line, linewidth=2.2, label=name)
        decorate(ax, panel.title, 'recall', 'precision' if ax is axes[0] else '')
        ax.set(xlim=(0, 1), ylim=(0, 1.02), xticks=[0, 0.25, 0.5, 0.75, 1])
        ax.legend(loc='lower left', frameon=True, framealpha=0.9, edgecolor='none', fontsize=9)
    return figure


def confusion_figure(matrix: IntArray, names: Sequence[str]) -> Figure:
    """Shares of each true category by detected category, with the counts written in the cells.

    Args:
        matrix: (C + 1, C + 1), row = true, column = detected, background last.
        names: (C,) categories.
    """
    labels = [*names, 'background']
    total = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, total, out=np.zeros(matrix.shape), where=total > 0)
    side = 2.6 + 0.52 * len(labels)
    figure = new_figure(side + 0.4, side - 0.9)
    ax = figure.add_subplot()
    image = ax.imshow(share, cmap='Blues', vmin=0, vmax=1)
    ax.set_xticks(range(len(labels)), labels, rotation=40, ha='right', rotation_mode='anchor')
    ax.set_yticks(range(len(labels)), labels)
    for row, column in np.argwhere(matrix > 0).tolist():
        color = PAPER if share[row, column] > 0.55 else INK
        text = _short(int(matrix[row, column]))
        ax.text(column, row, text, ha='center', va='center', color=color, fontsize=8)
    decorate(ax, '', 'detected', 'true')
    ax.grid(visible=False)
    ax.axhline(len(names) - 0.5, color=INK, linewidth=0.8)
    ax.axvline(len(names) - 0.5, color=INK, linewidth=0.8)
    bar = figure.colorbar(image, ax=ax, shrink=0.6, format=PercentFormatter(1))
    bar.set_label('share of the row')
    bar.outline.set_visible(False)
    return figure


def stacked_shares_figure(
    counts: IntArray,
    names: Sequence[str],
    classes: Sequence[str],
    colors: Sequence[str],
    unit: str,
) -> Figure:
    """Horizontal bars of 100 %, one a category and one for all, split by class.

    Args:
        counts: (C, K).
        names: (C,) categories.
        classes: (K,) names of the parts.
        colors: (K,).
        unit: what is counted; the total stands behind each bar.
    """
    rows = np.vstack([counts.sum(axis=0), counts])
    total = rows.sum(axis=1)
    share = rows / np.maximum(total, 1)[:, None]
    figure = new_figure(10, 1.6 + 0.3 * len(rows))
    ax = figure.add_subplot()
    places = np.arange(len(rows)) + np.where(np.arange(len(rows)) > 0, 0.4, 0)
    left = np.zeros(len(rows))
    for number, (title, color) in enumerate(zip(classes, colors, strict=True)):
        part = share[:, number]
        ax.barh(places, part, left=left, color=color, height=0.74, label=title)
        for place, start, width in zip(places, left, part, strict=True):
            if width >= 0.045:
                _write(ax, start + width / 2, place, f'{width:.0%}', color)
        left += part
    ends = [f'{count:,} {unit}' if not row else f'{count:,}' for row, count in enumerate(total)]
    for place, end in zip(places, ends, strict=True):
        ax.text(1.01, place, end, va='center', fontsize=8.5, color=INK)
    ax.set_yticks(places, ['all', *names])
    decorate(ax, '', '', '')
    ax.set(xlim=(0, 1), ylim=(places[-1] + 0.6, -0.6))
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(
        loc='lower center', bbox_to_anchor=(0.5, 1.0), ncols=len(classes), frameon=False,
        fontsize=8.5, columnspacing=1.1, handlelength=1.1,
    )  # fmt: skip
    return figure


def pck_figure(
    thresholds: FloatArray, curves: Mapping[str, FloatArray], marks: Sequence[float], axis: str
) -> Figure:
    """Share of landmarks whose error is below a threshold, over the threshold.

    Args:
        thresholds: (B,).
        curves: name -> (B,).
        marks: thresholds at which the value is written.
        axis: what the error is divided by.
    """
    figure = new_figure(7, 4.2)
    ax = figure.add_subplot()
    for (name, curve), color, line in zip(curves.items(), (BLUE, VERMILION), _LINES, strict=False):
        ax.plot(thresholds, curve, color=color, linestyle=line, linewidth=2.2, label=name)
    for mark in marks:
        ax.axvline(mark, color=GREY, linewidth=0.8, linestyle=':')
    decorate(ax, '', f'threshold (error / {axis})', 'share of landmarks (PCK)')
    ax.set(xlim=(thresholds[0], thresholds[-1]), ylim=(0, 1.02))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(loc='lower right', frameon=False)
    return figure


def grouped_bars_figure(
    values: Mapping[str, FloatArray], names: Sequence[str], axis: str, width: float = 8.5
) -> Figure:
    """Horizontal bars, one group a category; NaN has no bar.

    Args:
        values: name of the series -> (C,).
        names: (C,).
        axis: below the plot.
        width: of the figure in inches.
    """
    figure = new_figure(width, 1.2 + 0.42 * len(names))
    ax = figure.add_subplot()
    height = 0.78 / len(values)
    for number, ((title, series), color) in enumerate(
        zip(values.items(), (BLUE, ORANGE, GREEN), strict=False)
    ):
        places = np.arange(len(names)) - 0.39 + (number + 0.5) * height
        ax.barh(places, np.nan_to_num(series), height=height * 0.92, color=color, label=title)
        for place, value in zip(places, series, strict=True):
            text = '–' if np.isnan(value) else f'{value:.3f}'
            ax.annotate(
                text, (0 if np.isnan(value) else value, place), (3, 0),
                textcoords='offset points', va='center', fontsize=7.5, color=INK,
            )  # fmt: skip
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.margins(x=0.1, y=0.01)
    ax.set_xlim(left=0)
    decorate(ax, '', axis, '')
    ax.legend(loc='lower center', bbox_to_anchor=(0.5, 1.0), ncols=len(values), frameon=False)
    return figure


def landmark_map_figure(
    values: FloatArray, names: Sequence[str], numbers_from: int, axis: str
) -> Figure:
    """One cell a landmark: rows are categories, columns the landmark's number in its category.

    Args:
        values: (C, K_max), NaN where there is no such landmark or nothing was measured.
        names: (C,).
        numbers_from: number of the first landmark.
        axis: beside the colour bar.
    """
    figure = new_figure(1.9 + 0.27 * values.shape[1], 1.4 + 0.3 * len(names))
    ax = figure.add_subplot()
    highest = float(np.nanquantile(values, 0.98)) if np.isfinite(values).any() else 1.0
    image = ax.imshow(values, cmap='YlOrBr', vmin=0, vmax=max(highest, 1e-6), aspect='auto')
    ax.set_yticks(range(len(names)), names)
    columns = np.arange(0, values.shape[1], 2)
    ax.set_xticks(columns, [str(column + numbers_from) for column in columns.tolist()])
    decorate(ax, '', 'landmark of the category', '')
    ax.grid(visible=False)
    bar = figure.colorbar(image, ax=ax, pad=0.01, extend='max')
    bar.set_label(axis)
    bar.outline.set_visible(False)
    return figure


def score_figure(
    edges: FloatArray, found: IntArray, wrong: IntArray, precision: FloatArray
) -> Figure:
    """Left: detections by score, right: share of right ones by score.

    Args:
        edges: (B + 1,).
        found: (B,) detections that found a garment.
        wrong: (B,) the others.
        precision: (B,) share of the former; NaN in empty bins.
    """
    figure = new_figure(10, 3.9)
    left, right = figure.subplots(1, 2)
    width, centers = np.diff(edges), (edges[:-1] + edges[1:]) / 2
    left.bar(centers, found, width * 0.92, color=GREEN, label='found a garment')
    left.bar(centers, wrong, width * 0.92, bottom=found, color=GREY, label='did not')
    decorate(left, 'Detections by score', 'score', 'detections')
    left.legend(frameon=False)
    right.plot(edges[[0, -1]], edges[[0, -1]], color=GREY, linewidth=1, linestyle='--')
    right.plot(centers, precision, color=BLUE, linewidth=2, marker='o', markersize=4)
    decorate(right, 'How far a score can be trusted', 'score', 'share that found a garment')
    right.set(ylim=(0, 1.02))
    for ax in (left, right):
        ax.set_xlim(edges[0], edges[-1])
    return figure


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, size in inches, that makes room for what is written in it."""
    figure = Figure(figsize=(width, height), layout='constrained', dpi=_DPI)
    FigureCanvasAgg(figure)
    return figure


def decorate(ax: Axes, title: str, x_label: str, y_label: str) -> None:
    """Give axes their texts and the quiet frame that all our plots have."""
    ax.set_title(title, fontsize=10.5, loc='left', color=INK)
    ax.set_xlabel(x_label, color=INK)
    ax.set_ylabel(y_label, color=INK)
    ax.tick_params(length=0, colors=INK, labelsize=8.5)
    ax.grid(visible=True, color='#ECEFF2', linewidth=0.8)
    ax.set_axisbelow(True)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _write(ax: Axes, x: float, y: float, text: str, ground: str) -> None:
    color = PAPER if ground in (BLUE, GREEN, VERMILION, GREY) else INK
    ax.text(x, y, text, ha='center', va='center', fontsize=8, color=color)


def _short(count: int) -> str:
    """A count of at most four characters.

    Example:
        >>> _short(999), _short(1234), _short(51490)
        ('999', '1.2k', '51k')
    """
    if count < 1000:
        return str(count)
    return f'{count / 1000:.1f}k' if count < 10_000 else f'{count / 1000:.0f}k'
