# SPDX-License-Identifier: Apache-2.0
"""The family of configs as one table: what each leaf is, the paper's figure, ours.

A leaf says it in its docstring. The labels stand at the start of a line; what follows may go on
over several lines, up to the next label or an empty line. The command is indented by four spaces::

    Row: the paper's Hourglass, NMS only.
    Paper: box AP .710, landmark AP .512.
    Measured: not measured.

        tools/dist_train.sh configs/deepmark_hg104_8xb5.py 8

An ablation adds ``Changes:``, the dotted keys in which it differs from the leaf that it inherits.
"""

from __future__ import annotations

import ast
import io
import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deepmark.analysis.complexity import config_complexity
from deepmark.markdown_table import markdown_table

LABELS = ('Row', 'Paper', 'Measured')
CHANGES = 'Changes'
ENDS = tuple(f'{label}:' for label in (*LABELS, CHANGES))
INDENT = 4
Cells = dict[str, str]


class FamilyError(ValueError):
    """A leaf's docstring lacks what the table shows; the message names file and label."""


class Leaf(NamedTuple):
    """What a leaf config says about itself.

    Attributes:
        path: Of the file.
        row: Which row of which paper, or "none" and why.
        paper: The paper's figure, or "-".
        measured: What we measured and how, or "not measured".
        command: The first command line.
        changes: The keys that an ablation names, '' in other leaves.
    """

    path: Path
    row: str
    paper: str
    measured: str
    command: str
    changes: str = ''


def parse_leaf(path: str | PathLike[str]) -> Leaf:
    """Read a leaf's docstring.

    Raises:
        FamilyError: A label or the command is missing, empty or given twice.
    """
    path = Path(path)
    lines = _docstring(path).splitlines()
    row, paper, measured = (_labelled_text(lines, label, path) for label in LABELS)
    # After an empty line: otherwise an indented line continues a label's text.
    commands = [
        line.strip()
        for before, line in pairwise(lines)
        if line.startswith(' ' * INDENT) and not before.strip()
    ]
    if not commands:
        raise FamilyError(f'{path}: the docstring has no command line, indented by {INDENT} spaces')
    is_ablation = any(line.startswith(f'{CHANGES}:') for line in lines)
    changes = _labelled_text(lines, CHANGES, path) if is_ablation else ''
    return Leaf(path, row, paper, measured, commands[0], changes)


def family_rows(paths: Iterable[str | PathLike[str]], complexity: bool = False) -> list[Cells]:
    """Make the table's rows, column name -> text.

    Args:
        paths: The leaves.
        complexity: Add input size, parameters and operations of one image; this loads each config
            and takes about a second a leaf.

    Raises:
        FamilyError: A docstring is incomplete, or there is no leaf at all.
    """
    leaves = [parse_leaf(path) for path in paths]
    if not leaves:
        raise FamilyError('there is no config to print')
    with_changes = any(leaf.changes for leaf in leaves)
    return [_cells(leaf, complexity, with_changes) for leaf in leaves]


def to_table(rows: Sequence[Cells], width: int | None = None) -> str:
    """Draw the rows for a terminal of this many columns; None takes the terminal's width."""
    table = Table(show_lines=True)
    for column in rows[0]:
        table.add_column(column, overflow='fold', no_wrap=column == 'config')
    for cells in rows:
        table.add_row(*map(escape, cells.values()))
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return '\n'.join(line.rstrip() for line in console.file.getvalue().splitlines())


def to_markdown(rows: Sequence[Cells]) -> str:
    r"""Write the rows as a Markdown table.

    Example:
        >>> print(to_markdown([{'config': 'a', 'paper': '.5 | .6'}]))
        | config | paper |
        |---|---|
        | a | .5 \| .6 |
    """
    return markdown_table(rows)


def to_json(rows: Sequence[Cells]) -> str:
    """Write the rows as a JSON list of objects."""
    return json.dumps(list(rows), indent=2, ensure_ascii=False)


def _docstring(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding='utf-8')), clean=True)
    if text is None:
        raise FamilyError(f'{path}: the file has no docstring')
    return text


def _labelled_text(lines: Sequence[str], label: str, path: Path) -> str:
    starts = [index for index, line in enumerate(lines) if line.startswith(f'{label}:')]
    if len(starts) != 1:
        problem = 'given twice' if starts else 'missing'
        raise FamilyError(f'{path}: the label "{label}:" is {problem} in the docstring')
    text = [lines[starts[0]].removeprefix(f'{label}:')]
    for line in lines[starts[0] + 1 :]:
        if not line.strip() or line.startswith(ENDS):
            break
        text.append(line)
    joined = ' '.join(' '.join(text).split())
    if not joined:
        raise FamilyError(f'{path}: the label "{label}:" has no text')
    return joined


def _cells(leaf: Leaf, complexity: bool, with_changes: bool) -> Cells:
    cells = {
        'config': leaf.path.stem,
        **({'changes': leaf.changes or '-'} if with_changes else {}),
        'row': leaf.row,
        'paper': leaf.paper,
        'measured': leaf.measured,
    }
    if not complexity:
        return cells
    parameters, flops, (width, height) = config_complexity(Config.fromfile(leaf.path))
    return {
        **cells,
        'input': f'{width} x {height}',
        'parameters (M)': f'{parameters / 1e6:.1f}',
        'GFLOPs': f'{flops / 1e9:.1f}',
    }
