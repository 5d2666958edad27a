# SPDX-License-Identifier: Apache-2.0
"""Figures as tables for logs and terminals."""

from __future__ import annotations

import io
from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table

from deepmark.evaluation.coco_evaluation import BOXES, VISIBLE, VISIBLE_AND_OCCLUDED, Figures
from deepmark.schema import LandmarkSchema

_TITLES = {
    BOXES: 'boxes',
    VISIBLE_AND_OCCLUDED: 'landmarks, visible + occluded',
    VISIBLE: 'landmarks, visible',
}


def overall_table(figures: Mapping[str, Mapping[str, float]], title: str) -> Table:
    """AP, AP50 and AP75 of every evaluation; '-' without truth.

    Args:
        figures: by evaluation, as :func:`deepmark.evaluation.coco_evaluation.evaluate` names them.
        title: stands above.
    """
    columns = ('AP', 'AP50', 'AP75')
    table = Table(title=title)
    table.add_column('evaluation')
    for column in columns:
        table.add_column(column, justify='right')
    for name, values in figures.items():
        table.add_row(_TITLES[name], *(_text(values[column]) for column in columns))
    return table


def category_table(figures: Mapping[str, Figures], schema: LandmarkSchema) -> str:
    """AP of every category and evaluation, with the mean in the last row; '-' without truth.

    Args:
        figures: what :func:`deepmark.evaluation.coco_evaluation.evaluate` returns.
        schema: names of the categories.
    """
    names = [name for name in _TITLES if name in figures]
    table = Table(box=box.ASCII, title='AP per category')
    table.add_column('category')
    for name in names:
        table.add_column(_TITLES[name], justify='right')
    for label, category in enumerate(schema.class_names):
        values = [figures[name]['AP_per_category'][label] for name in names]
        table.add_row(category, *map(_text, values))
    table.add_section()
    table.add_row('all', *(_text(figures[name]['AP']) for name in names))
    return _rendered(table)


def _text(value: float) -> str:
    return '-' if value < 0 else f'{value:.3f}'


def _rendered(table: Table) -> str:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return '\n'.join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())
