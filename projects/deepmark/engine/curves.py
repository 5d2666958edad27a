# SPDX-License-Identifier: Apache-2.0
"""Loss and metric curves of a training as PNG and CSV."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deepmark.atomic_write import atomic_path, atomic_write
from deepmark.engine.scalar_history import Row, ScalarHistory, columns, series, to_csv

PNG_NAME = 'curves.png'
TRAIN_CSV_NAME = 'train_curves.csv'
VAL_CSV_NAME = 'val_curves.csv'
# Drawn thicker than their parts.
HEADLINES = ('loss', 'bbox_AP', 'keypoints_AP', 'bbox_mAP')
AVERAGES = ('AP', 'AP50', 'PCK', 'AUC', 'EPE')
MAX_CURVES = 9
MAX_MARKERS = 30
NO_TRUTH = -1


class Panel(NamedTuple):
    """One of the pictures side by side.

    Attributes:
        title: Above it.
        rows: The logged rows.
        keys: The columns to draw.
        logarithmic: The y axis, if all values are positive.
    """

    title: str
    rows: list[Row]
    keys: list[str]
    logarithmic: bool


def write_curves(history: ScalarHistory, folder: str | os.PathLike[str]) -> list[Path]:
    """Write ``curves.png``, ``train_curves.csv`` and ``val_curves.csv``; earlier ones are replaced.

    Args:
        history: The logged numbers; without validation there is no ``val_curves.csv``.
        folder: Created if it is not there.

    Returns:
        The files written, none when nothing was logged.

    Raises:
        OSError: The folder cannot be written.
    """
    folder = Path(folder)
    written = []
    for rows, name in ((history.train, TRAIN_CSV_NAME), (history.val, VAL_CSV_NAME)):
        if rows:
            with atomic_write(folder / name, overwrite=True) as file:
                file.write(to_csv(rows).encode())
            written.append(folder / name)
    if written:
        draw_curves(history, folder / PNG_NAME)
        written.append(folder / PNG_NAME)
    return written


def draw_curves(history: ScalarHistory, png: str | os.PathLike[str]) -> None:
    """Draw losses, metrics and learning rate side by side into one picture.

    Args:
        history: The logged numbers.
        png: The picture, replaced if it is there.

    Raises:
        OSError: It cannot be written.
    """
    keys = columns(history.train, drawn_only=True)
    losses = [key for key in keys if 'loss' in key]
    rates = [key for key in keys if key.endswith('lr')]
    others = [key for key in keys if key not in (*losses, *rates)]
    panels = [
        Panel('loss', history.train, losses, logarithmic=True),
        Panel('metric', history.val, choose_metrics(history.val), logarithmic=False),
        Panel('learning rate', history.train, rates, logarithmic=True),
        Panel('other', history.train, others, logarithmic=False),
    ]
    panels = [panel for panel in panels if panel.keys]
    figure = Figure(figsize=(6 * max(len(panels), 1), 4.5), layout='constrained')
    FigureCanvasAgg(figure)
    for index, panel in enumerate(panels):
        _draw_panel(figure.add_subplot(1, len(panels), index + 1), panel)
    with atomic_path(png, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=110)


def choose_metrics(rows: list[Row]) -> list[str]:
    """Choose the metrics for the picture; the CSV has all of them.

    Left out are those that never had a value (-1 is COCO's "no truth of this kind") and, when there
    are too many for one panel, all but the averages AP, AP50 and the like.
    """
    keys = [
        key
        for key in columns(rows, drawn_only=True)
        if any(value != NO_TRUTH for value in series(rows, key)[1])
    ]
    if len(keys) > MAX_CURVES:
        keys = [key for key in keys if key.endswith(AVERAGES)] or keys
    return keys[:MAX_CURVES]


def _draw_panel(axes: Axes, panel: Panel) -> None:
    lowest = math.inf
    for key in panel.keys:
        xs, ys = series(panel.rows, key)
        name = key.split('/')[-1]
        headline = name in HEADLINES
        axes.plot(
            xs,
            ys,
            label=name,
            linewidth=2.2 if headline else 1.0,
            marker='o' if len(ys) < MAX_MARKERS else None,
            markersize=3,
            zorder=3 if headline else 2,
        )
        lowest = min([lowest, *ys])
    if panel.logarithmic and 0 < lowest < math.inf:
        axes.set_yscale('log')
    axes.set_title(panel.title)
    axes.set_xlabel('iteration')
    axes.grid(alpha=0.3)
    axes.legend(fontsize='small')
