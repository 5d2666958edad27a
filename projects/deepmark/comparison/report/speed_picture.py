# SPDX-License-Identifier: Apache-2.0
"""The picture of speed against accuracy."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from deepmark.comparison.results import Model
from deepmark.visualization.evaluation_plots import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    decorate,
    new_figure,
)

from .cells import BOX_AP, HEADLINES, LANDMARK_AP
from .label_placement import label_points
from .plot_parts import capital, logarithmic_if_wide, say_nothing, short_name
from .series import SpeedPoint, left_out, speed_points

MOST_NAMES = 8
"""Models in a panel that have their names at their points; more have numbers and a key."""
_KEY_COLUMNS = 4
_LEFT_OUT_LENGTH, _LEFT_OUT_LINES = 88, 4
_KINDS = {
    'one-shot': (BLUE, 'o', 'one-shot'),
    'boxes': (ORANGE, 's', 'boxes only'),
    'top-down': (GREEN, '^', 'top-down: landmarks in given boxes'),
    'unknown': (GREY, 'D', 'unknown kind'),
}
Segment = tuple[tuple[float, float], tuple[float, float]]


def speed_accuracy_figure(models: Sequence[Model]) -> Figure:
    """Milliseconds an image against AP: boxes on the left, landmarks on the right."""
    points_of = {name: speed_points(models, name) for name in (BOX_AP, LANDMARK_AP)}
    numbered = max(map(len, points_of.values())) > MOST_NAMES
    shown = [model for model in models if any(_has(p, model) for p in points_of.values())]
    labels = {
        model.name: str(number) if numbered else short_name(model.name)
        for number, model in enumerate(shown, 1)
    }
    figure = new_figure(13, 5.6 + (0.2 * -(-len(shown) // _KEY_COLUMNS) if numbered else 0))
    axes = figure.subplots(1, 2)
    segments = []
    for ax, (name, points) in zip(axes, points_of.items(), strict=True):
        decorate(ax, capital(HEADLINES[name]), 'ms per image', 'AP')
        segments.append(_draw_points(ax, points))
        _name_left_out(ax, models, name)
    _kind_legend(figure, axes[0], [model.kind for model in shown])
    if numbered:
        _number_key(figure, axes[0], shown)
    figure.draw_without_rendering()  # fixes the layout, which the labels need
    figure.set_layout_engine('none')
    for ax, points, lines in zip(axes, points_of.values(), segments, strict=True):
        places = [(point.ms[0], point.ap.mean) for point in points]
        label_points(ax, places, [labels[point.name] for point in points], lines)
    return figure


def _draw_points(ax: Axes, points: Sequence[SpeedPoint]) -> list[Segment]:
    segments: list[Segment] = []
    for point in points:
        color, marker, _ = _KINDS[point.kind]
        (x, quickest, slowest), ap = point.ms, point.ap
        ax.errorbar(
            x, ap.mean, xerr=[[max(x - quickest, 0)], [max(slowest - x, 0)]],
            yerr=[[max(ap.mean - ap.low, 0)], [max(ap.high - ap.mean, 0)]],
            color=color, marker=marker, markersize=6.5, linewidth=0, elinewidth=1.1, zorder=3,
        )  # fmt: skip
        segments += [((quickest, ap.mean), (slowest, ap.mean)), ((x, ap.low), (x, ap.high))]
    if not points:
        say_nothing(ax, 'nothing measured')
        return []
    logarithmic_if_wide(ax, 'x', [point.ms[0] for point in points])
    ax.margins(x=0.12, y=0.12)
    ax.set_ylim(bottom=max(0, ax.get_ylim()[0]))
    return segments


def _kind_legend(figure: Figure, ax: Axes, kinds: Sequence[str]) -> None:
    different = list(dict.fromkeys(kinds))
    handles = [
        ax.plot([], [], linestyle='', color=_KINDS[kind][0], marker=_KINDS[kind][1])[0]
        for kind in different
    ]
    if handles:
        figure.legend(
            handles, [_KINDS[kind][2] for kind in different], loc='outside upper center',
            ncols=len(different), frameon=False,
        )  # fmt: skip


def _number_key(figure: Figure, ax: Axes, models: Sequence[Model]) -> None:
    """What the numbers at the points stand for."""
    handles = [
        ax.plot([], [], linestyle='', color=color, marker=marker, markersize=5)[0]
        for color, marker, _ in (_KINDS[model.kind] for model in models)
    ]
    names = [f'{number}  {short_name(model.name)}' for number, model in enumerate(models, 1)]
    figure.legend(
        handles, names, loc='outside lower center', ncols=_KEY_COLUMNS, frameon=False, fontsize=8.5
    )


def _name_left_out(ax: Axes, models: Sequence[Model], figure: str) -> None:
    missing = [f'{short_name(name)} ({why})' for name, why in left_out(models, figure)]
    if missing:
        lines = textwrap.wrap('not shown: ' + ', '.join(missing), _LEFT_OUT_LENGTH)
        if len(lines) > _LEFT_OUT_LINES:
            lines = [*lines[: _LEFT_OUT_LINES - 1], '... and more']
        ax.set_xlabel('\n'.join(['ms per image', *lines]), fontsize=8.5)


def _has(points: Sequence[SpeedPoint], model: Model) -> bool:
    return any(point.name == model.name for point in points)
