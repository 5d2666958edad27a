# SPDX-License-Identifier: Apache-2.0
"""What the pictures of a comparison share: names that fit, axes for wide ranges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from deepmark.visualization.evaluation_plots import GREY

LONGEST_NAME = 34
_LOGARITHMIC_FROM = 6.0  # ratio of the highest to the lowest value


def short_name(name: str) -> str:
    """A name that fits a plot: long ones lose their middle.

    Example:
        >>> short_name('deepmark_garments_128_with_everything_changed')
        'deepmark_garments…erything_changed'
    """
    if len(name) <= LONGEST_NAME:
        return name
    half = LONGEST_NAME // 2
    return f'{name[:half]}…{name[half + 1 - LONGEST_NAME :]}'


def capital(text: str) -> str:
    """The text with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def say_nothing(ax: Axes, text: str) -> None:
    """Write in empty axes why they are empty."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha='center', color=GREY)
    ax.set(xticks=[], yticks=[])


def logarithmic_if_wide(ax: Axes, name: Literal['x', 'y'], values: Sequence[float]) -> None:
    """Make an axis logarithmic, with plain numbers, when positive values differ much."""
    if not 0 < _LOGARITHMIC_FROM * min(values) < max(values):
        return
    axis: Axis = ax.xaxis if name == 'x' else ax.yaxis
    ax.set(**{f'{name}scale': 'log'})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f'{value:,.6g}'))
    axis.set_minor_locator(NullLocator())
