# SPDX-License-Identifier: Apache-2.0
"""Write the report of a comparison."""

from __future__ import annotations

from pathlib import Path

from deepmark.atomic_write import atomic_write
from deepmark.comparison.results import Results
from deepmark.visualization.evaluation_plots import figure_png

from .csv_rows import to_csv
from .pictures import bars_figure, curves_figure
from .speed_picture import speed_accuracy_figure
from .text import markdown_page


def write_report(results: Results, out_dir: Path) -> list[Path]:
    """Write tables and pictures; those of an earlier time are replaced.

    Args:
        results: At any time of the comparison.
        out_dir: Made if it is not there.

    Returns:
        ``results.md``, ``results.csv``, ``speed_accuracy.png``, ``bars.png``, ``curves.png``.

    Raises:
        OSError: The folder cannot be written.
    """
    models = results.models
    contents = {
        'results.md': markdown_page(results).encode(),
        'results.csv': to_csv(models).encode(),
        'speed_accuracy.png': figure_png(speed_accuracy_figure(models)),
        'bars.png': figure_png(bars_figure(models)),
        'curves.png': figure_png(curves_figure(models)),
    }
    for name, content in contents.items():
        with atomic_write(out_dir / name, overwrite=True) as file:
            file.write(content)
    return [out_dir / name for name in contents]
