# SPDX-License-Identifier: Apache-2.0
"""Figures as tables for logs and terminals; '-' where there is no truth to find."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from deepmark.evaluation.engines import BOXES, VISIBLE, VISIBLE_AND_OCCLUDED
from deepmark.schema import LandmarkSchema

_TITLES = {
    BOXES: 'boxes',
    VISIBLE_AND_OCCLUDED: 'landmarks, visible + occluded',
    VISIBLE: 'landmarks, visible',
}
_BOX_RECALL = 'AR_100'  # boxes have a recall for 1, 10 and 100 detections, landmarks have one
SHORT_COLUMNS = ('AP', 'AP50', 'AP75')
LONG_COLUMNS = (*SHORT_COLUMNS, 'AP_medium', 'AP_large', 'AR')


def overall_table(
    figures: Mapping[str, Mapping[str, float]], title: str, columns: Sequence[str] = SHORT_COLUMNS
) -> Table:
    """Some figures of every evaluation.

    Args:
        figures: by evaluation, as :func:`deepmark.evaluation.coco_evaluation.evaluate` names them.
        title: stands above.
        columns: names of figures; AR of boxes is that of 100 detections.
    """
    table = Table(title=title)
    table.add_column('evaluation')
    for column in columns:
        table.add_column(column, justify='right')
    for name in _named(figures):
        values = figures[name]
        cells = (values[_BOX_RECALL if c == 'AR' and c not in values else c] for c in columns)
        table.add_row(_TITLES[name], *map(_text, cells))
    return table


def category_table(figures: Mapping[str, Mapping[str, Any]], schema: LandmarkSchema) -> Table:
    """AP of every category and evaluation, with the mean in the last row.

    Args:
        figures: what :func:`deepmark.evaluation.coco_evaluation.evaluate` returns.
        schema: names of the categories.
    """
    names = _named(figures)
    table = _table_of('AP per category', ['category'], names)
    for label, category in enumerate(schema.class_names):
        values = [figures[name]['AP_per_category'][label] for name in names]
        table.add_row(category, *map(_text, values))
    table.add_section()
    table.add_row('all', *(_text(figures[name]['AP']) for name in names))
    return table


def slice_table(slices: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]) -> Table:
    """AP of every level of every attribute.

    Args:
        slices: what :meth:`deepmark.evaluation.coco_evaluation.Evaluator.slices` returns.
    """
    levels = [level for attribute in slices.values() for level in attribute.values()]
    names = _named(levels[0]) if levels else []
    table = _table_of('AP by attribute', ['attribute', 'level', 'garments'], names)
    for attribute, of_attribute in slices.items():
        title = attribute
        for level, evaluations in of_attribute.items():
            garments = max(values['garments'] for values in evaluations.values())
            cells = (_text(evaluations[name]['AP']) for name in names)
            table.add_row(title, level, f'{garments:,}', *cells)
            title = ''
        table.add_section()
    return table


def rendered(table: Table) -> str:
    """A table as plain text for logs, where not every file takes line-drawing characters."""
    table.box = box.ASCII
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return '\n'.join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())


def _table_of(title: str, columns: Sequence[str], evaluations: Sequence[str]) -> Table:
    table = Table(title=title)
    for column in columns:
        table.add_column(column, justify='right' if column == 'garments' else 'left')
    for name in evaluations:
        table.add_column(_TITLES[name], justify='right')
    return table


def _named(figures: Mapping[str, object]) -> list[str]:
    return [name for name in _TITLES if name in figures]


def _text(value: float) -> str:
    return '-' if value < 0 else f'{value:.3f}'
