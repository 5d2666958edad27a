# SPDX-License-Identifier: Apache-2.0
"""A progress bar on stderr, for what takes long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

_Entry = TypeVar('_Entry')


def show_progress(
    entries: Iterable[_Entry], title: str, total: int, enabled: bool = True
) -> Iterator[_Entry]:
    """The entries, with a bar that vanishes at the end; none where stderr is no terminal.

    Example:
        >>> list(show_progress('ab', 'writing', total=2, enabled=False))
        ['a', 'b']
    """
    console = Console(stderr=True)
    disable = not (enabled and console.is_terminal)
    yield from track(entries, title, total=total, console=console, transient=True, disable=disable)
