# SPDX-License-Identifier: Apache-2.0
"""Loss and metric curves of a training as PNG and CSV."""

from __future__ import annotations

import os
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deepmark.atomic_write import atomic_path, atomic_write
from deepmark.engine.scalar_history import Row, ScalarHistory, columns, series, to_csv

PNG_NAME = 'curves.png'
TRAIN_CSV_NAME = 'train_curves.csv'
VAL_CSV_NAME = 'val_curves.csv'
MAX_LEGEND = 16
# Averages over all classes and thresholds, drawn thicker than their parts.
HEADLINES = ('loss', 'bbox_AP', 'keypoints_AP', 'bbox_mAP')


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
    """Draw losses, learning rate and metrics side by side into one picture."""
    panels: list[tuple[str, list[Row], list[str], bool]] = []
    train_keys = columns(history.train, drawn_only=True)
    loss_keys = [key for key in train_keys if 'loss' in key]
    rate_keys = [key for key in train_keys if key.endswith('lr')]
    other_keys = [key for key in train_keys if key not in (*loss_keys, *rate_keys)]
    panels.append(('loss', history.train, loss_keys, True))
    panels.append(('metric', history.val, columns(history.val, drawn_only=True), False))
    panels.append(('learning rate', history.train, rate_keys, True))
    panels.append(('other', history.train, other_keys, False))
    panels = [panel for panel in panels if panel[2]]
    figure = Figure(figsize=(6 * max(len(panels), 1), 4.5), layout='constrained')
    FigureCanvasAgg(figure)
    for index, (title, rows, keys, logarithmic) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), index + 1)
        _draw_panel(axes, title, rows, keys, logarithmic)
    with atomic_path(png, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=110)


def _draw_panel(
    axes: Axes, title: str, rows: list[Row], keys: list[str], logarithmic: bool
) -> None:
    values = []
    for key in keys:
        xs, ys = series(rows, key)
        if not ys:
            continue
        short = key.split('/')[-1]
        headline = short in HEADLINES
        axes.plot(
            xs,
            ys,
            label=short,
            linewidth=2.2 if headline else 1.0,
            marker='o' if len(ys) < 30 else None,
            markersize=3,
            zorder=3 if headline else 2,
        )
        values += ys
    if logarithmic and values and min(values) > 0:
        axes.set_yscale('log')
    axes.set_title(title)
    axes.set_xlabel('iteration')
    axes.grid(alpha=0.3)
    if values:
        axes.legend(fontsize='small', ncols=1 if len(keys) <= MAX_LEGEND // 2 else 2)
