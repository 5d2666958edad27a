# SPDX-License-Identifier: Apache-2.0
"""Print a config after inheritance, or what differs between two."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple

from mmengine.config import Config
from mmengine.hub import get_config
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deepmark.analysis.config_diff import Change, changes_between, text_difference
from deepmark.apis.preflight import require_config_file
from deepmark.engine.errors import RunError

DiffFormat = Literal['both', 'text', 'keys']
NO_DIFFERENCE = 'no difference'


class Difference(NamedTuple):
    """What differs between two configs.

    Attributes:
        text: To be printed.
        differs: Whether any value does, also one that only other lines of configs read.
    """

    text: str
    differs: bool


def read_config(config: str, cfg_options: Mapping[str, Any] | None = None) -> Config:
    """Read a config, by file or by name (``mmdet::...``), and lay options over it.

    Raises:
        RunError: It is not there, has an error, or the options do not fit; names the file.
    """
    if '::' not in config:
        require_config_file(config)
    try:
        # The modules that a config imports do not change it.
        cfg = (
            get_config(config)
            if '::' in config
            else Config.fromfile(config, import_custom_modules=False)
        )
    except Exception as error:  # a config is a program: any error may end it
        raise RunError(f'{config}: {_describe(error)}') from error
    try:
        cfg.merge_from_dict(dict(cfg_options or {}))
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunError(f'{config}: --cfg-options do not fit: {_first_line(error)}') from error
    return cfg


def config_difference(
    names: tuple[str, str],
    configs: tuple[Config, Config],
    show: DiffFormat = 'both',
    width: int | None = None,
) -> Difference:
    """Say what differs after inheritance.

    Args:
        names: Of the two configs, as the user calls them.
        configs: Both.
        show: mmengine's ``Config.diff``, a table of keys with both values, or both.
        width: Of the table in columns, None for the terminal's.
    """
    changes = changes_between(*configs)
    parts = []
    if show != 'keys':
        parts.append(text_difference(*configs))
    if not changes:
        parts.append(NO_DIFFERENCE)
    elif show != 'text':
        parts.append(change_table(names, changes, width))
    return Difference('\n\n'.join(part for part in parts if part), bool(changes))


def change_table(
    names: tuple[str, str], changes: Sequence[Change], width: int | None = None
) -> str:
    """Draw the keys with both values; names that only configs read come last."""
    table = Table(show_lines=True)
    for column in ('key', 'old', 'new'):
        table.add_column(column, overflow='fold')
    ordered = sorted(changes, key=lambda change: not change.acts)
    for change in ordered:
        key = change.key if change.acts else f'{change.key} *'
        table.add_row(*map(Text, (key, repr(change.old), repr(change.new))))
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(Text(f'{names[0]} -> {names[1]}'), soft_wrap=True)
    console.print(table)
    if not ordered[-1].acts:
        console.print('* read by other lines of configs only, no setting of a run')
    assert isinstance(console.file, io.StringIO)
    return '\n'.join(line.rstrip() for line in console.file.getvalue().splitlines())


def _describe(error: Exception) -> str:
    """What went wrong and in which file of the inheritance."""
    place = _place(error.__traceback__)
    if isinstance(error, SyntaxError):
        place += f', line {error.lineno}'
    return f'{type(error).__name__}: {_first_line(error)} (in {place})'


def _first_line(error: Exception) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__


def _place(traceback: TracebackType | None) -> str:
    """The config that mmengine was reading last, with the line that it was at, if any."""
    place = 'a file that it inherits'
    while traceback is not None:
        frame = traceback.tb_frame
        read = frame.f_locals.get('filename')
        if isinstance(read, str) and 'mmengine' in Path(frame.f_code.co_filename).parts:
            place = read
        elif frame.f_code.co_filename == place.split(', line ')[0]:
            place = f'{frame.f_code.co_filename}, line {traceback.tb_lineno}'
        traceback = traceback.tb_next
    return place
