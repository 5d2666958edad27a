# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a labelling tool's file: all of it is collected, and reported at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

SHOWN = 20


class LabellingError(ValueError):
    """A file that cannot be used; the message names the file, the elements and the fix."""


class ElementError(ValueError):
    """What is wrong with one element; becomes an entry of :class:`Mistakes`."""


class Mistakes:
    """Collects what is wrong with the elements of one file.

    Args:
        file: named in every line.
    """

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self.file = file
        self.found: list[str] = []

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Turn an ElementError of the block into an entry; the block ends there."""
        try:
            yield
        except ElementError as error:
            self.found.append(f'{self.file}: {place}: {error}')

    def report(self) -> None:
        """Raise when there is anything.

        Raises:
            LabellingError: lists the first mistakes and counts the others.
        """
        if not self.found:
            return
        lines = self.found[:SHOWN]
        if len(self.found) > SHOWN:
            lines.append(f'... and {len(self.found) - SHOWN} more')
        raise LabellingError('\n'.join(lines))
