# SPDX-License-Identifier: Apache-2.0
"""The pictures of a comparison that show AP as bars, and AP and loss as curves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from deepmark.comparison.results import Model
from deepmark.visualization.evaluation_plots import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    decorate,
    new_figure,
)

from .cells import BOX_AP, HEADLINES, LANDMARK_AP
from .plot_parts import capital, logarithmic_if_wide, say_nothing, short_name
from .series import Curve, bars, curves

_LINES = [
    (color, line)
    for line, color in product(
        ('-', '--', ':'), (BLUE, VERMILION, GREEN, ORANGE, SKY, PURPLE, GREY)
    )
]


def bars_figure(models: Sequence[Model]) -> Figure:
    """AP of each model as bars with the range over the seeds, the single seeds as dots."""
    figure = new_figure(13, 1.3 + 0.34 * max(len(models), 2))
    axes = figure.subplots(1, len(HEADLINES), sharey=True)
    for ax, (name, title), color in zip(axes, HEADLINES.items(), (ORANGE, BLUE, SKY), strict=True):
        decorate(ax, capital(title), 'AP', '')
        for place, bar in enumerate(bars(models, name)):
            if bar.ap is not None:
                ax.barh(place, bar.ap.mean, height=0.66, color=color)
                _draw_seeds(ax, place, bar.ap.values)
            end = bar.ap.high if bar.ap else 0
            ax.annotate(
                bar.text, (end, place), (5, 0), textcoords='offset points', va='center',
                fontsize=8, color=INK if bar.ap else GREY,
            )  # fmt: skip
        ax.set_xlim(0, _bar_limit([bar.ap.high for bar in bars(models, name) if bar.ap]))
    axes[0].set_yticks(range(len(models)), [short_name(model.name) for model in models])
    axes[0].set_ylim(max(len(models), 1) - 0.5, -0.5)
    return figure


def curves_figure(models: Sequence[Model]) -> Figure:
    """AP and loss against the training images seen, one line a run."""
    rows = (len(models) + 3) // 4
    figure = new_figure(14, 4.3 + 0.22 * rows)
    axes = figure.subplots(1, 3)
    drawn: set[int] = set()
    for ax, name in zip(axes, (BOX_AP, LANDMARK_AP, 'loss'), strict=True):
        found = curves(models, name)
        drawn.update(curve.model for curve in found)
        title = capital(HEADLINES.get(name, 'loss, each model its own terms'))
        decorate(ax, title, 'training images seen', '')
        _draw_curves(ax, found, loss=name == 'loss')
    _curve_legend(figure, models, drawn)
    return figure


def _draw_seeds(ax: Axes, place: int, values: Sequence[float]) -> None:
    if len(values) > 1:
        ax.plot([min(values), max(values)], [place, place], color=INK, linewidth=1.2)
    ax.plot(values, [place] * len(values), 'o', color=INK, markersize=3)


def _draw_curves(ax: Axes, found: Sequence[Curve], loss: bool) -> None:
    for curve in found:
        color, line = _line_of(curve.model)
        ax.plot(
            curve.images, curve.values, color=color, linestyle=line, linewidth=1.4, alpha=0.9,
            marker='o' if len(curve.values) < 12 else None, markersize=3,
        )  # fmt: skip
    if not found:
        say_nothing(ax, 'nothing logged')
        return
    if loss:
        logarithmic_if_wide(ax, 'y', [v for curve in found for v in curve.values])
    else:
        ax.set_ylim(bottom=0)
    ax.set_xlim(left=0)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f'{x:,.0f}'))
    ax.xaxis.set_major_locator(MaxNLocator(5))


def _curve_legend(figure: Figure, models: Sequence[Model], drawn: set[int]) -> None:
    ax = figure.axes[0]
    handles, names = [], []
    for number, model in enumerate(models):
        if number in drawn:
            color, line = _line_of(number)
            handles.append(ax.plot([], [], color=color, linestyle=line)[0])
            names.append(short_name(model.name))
    if handles:
        figure.legend(
            handles, names, loc='outside lower center', ncols=min(4, len(names)), frameon=False,
            fontsize=8.5,
        )  # fmt: skip


def _line_of(number: int) -> tuple[str, str]:
    return _LINES[number % len(_LINES)]


def _bar_limit(highest: Sequence[float]) -> float:
    return max([0.01, *(1.25 * value for value in highest)])
