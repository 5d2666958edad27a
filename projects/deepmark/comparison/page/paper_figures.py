# SPDX-License-Identifier: Apache-2.0
"""Figures quoted from papers, beside our own: ``docs/results/papers.json``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated

import msgspec

from deepmark.comparison.report.cells import (
    HEADLINES,
    IMPOSSIBLE,
    NOT_MEASURED,
    figure_cell,
    status_of,
)
from deepmark.comparison.report.tables import Row
from deepmark.comparison.results import Model
from deepmark.json_file import decode_json, read_json_bytes
from deepmark.markdown_table import markdown_table

FORMAT_VERSION = 1
PAPERS_NAME = 'papers.json'
OURS = 'ours'
# Numbers as printed, such as ".667 .788 .750" or "25".
Printed = Annotated[str, msgspec.Meta(pattern=r'^\d*\.?\d+( \d*\.?\d+)*$')]


class PaperRow(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A row of a paper's table.

    Attributes:
        method: What was evaluated.
        figures: Column of the table to the numbers as printed.
        source: Where they are quoted from.
        config: Ours for the same row; None when there is none.
        second_hand: May be quoted from another publication than the method's own.
        in_readme: The row stands in README.md as well.
    """

    method: str
    figures: dict[str, Printed]
    source: str
    config: str | None = None
    second_hand: bool = False
    in_readme: bool = False


class PaperTable(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A table of figures on the same images.

    Attributes:
        title: Above it.
        note: Below the title.
        columns: Of the figures.
        rows: Of the table.
    """

    title: str
    note: str
    columns: list[str]
    rows: list[PaperRow]

    def __post_init__(self) -> None:
        for row in self.rows:
            unknown = sorted(set(row.figures) - set(self.columns))
            if unknown:
                raise ValueError(f'{row.method} has the column {unknown[0]}, the table has not')


class Papers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All quoted figures.

    Attributes:
        format_version: Of the file.
        title: Of the section.
        note: Below the title, and in README.md.
        tables: One below the other.
    """

    format_version: int
    title: str
    note: str
    tables: list[PaperTable]

    def __post_init__(self) -> None:
        if self.format_version != FORMAT_VERSION:
            raise ValueError(
                f'format_version is {self.format_version}, this version reads {FORMAT_VERSION}'
            )


def read_papers(folder: Path) -> Papers:
    """Read the quoted figures.

    Raises:
        JsonFileError: No such content; names the place.
        OSError: The file cannot be opened.
    """
    path = folder / PAPERS_NAME
    return decode_json(read_json_bytes(path), Papers, str(path))


def paper_parts(papers: Papers, ours: Mapping[str, Model]) -> list[str]:
    """The section as Markdown.

    Args:
        papers: What is quoted.
        ours: Models of ours on DeepFashion2, by name.
    """
    parts = [f'## {papers.title}', papers.note]
    for table in papers.tables:
        rows = [paper_row(row, table.columns, ours) for row in table.rows]
        parts += [f'### {table.title}', table.note, markdown_table(rows, table.columns)]
    return parts


def readme_paper_table(papers: Papers, ours: Mapping[str, Model]) -> str:
    """The rows for README.md in one table; empty without any."""
    chosen = [
        paper_row(row, table.columns, ours)
        for table in papers.tables
        for row in table.rows
        if row.in_readme
    ]
    columns = {column for table in papers.tables for column in table.columns}
    return markdown_table(chosen, columns) if chosen else ''


def paper_row(row: PaperRow, columns: list[str], ours: Mapping[str, Model]) -> Row:
    """The cells of a row."""
    source = f'{row.source} (may be second hand)' if row.second_hand else row.source
    return {
        'method': row.method,
        **{column: row.figures.get(column, '') for column in columns},
        'quoted from': source,
        OURS: _our_cell(row, ours),
    }


def _our_cell(row: PaperRow, ours: Mapping[str, Model]) -> str:
    if row.config is None:
        return IMPOSSIBLE
    model = ours.get(PurePosixPath(row.config).stem)
    if model is None or status_of(model) == 'not run':
        return NOT_MEASURED
    if status_of(model) != 'finished':
        return status_of(model)
    return '; '.join(f'{title} {figure_cell(model, name)}' for name, title in HEADLINES.items())
