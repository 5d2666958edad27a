# SPDX-License-Identifier: Apache-2.0
"""Files that are either whole or not there: written under a temporary name, then moved."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO


def refuse_existing(path: str | os.PathLike[str], overwrite: bool) -> None:
    """Raise FileExistsError when the file is there and must not be replaced."""
    if not overwrite and Path(path).exists():
        raise FileExistsError(
            f'{path} exists already; to replace it, give overwrite=True (--overwrite)'
        )


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path beside the target; when the block ends well, it becomes the target.

    The temporary name keeps the target's suffix. An error in the block leaves an existing target
    as it was and removes the temporary file.

    Raises:
        FileExistsError: the target exists and ``overwrite`` is false.
    """
    target = Path(path)
    refuse_existing(target, overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='.writing-', dir=target.parent) as folder:
        temporary = Path(folder) / target.name
        try:
            yield temporary
        except OSError as error:
            if error.errno and error.filename is None:  # a failed write() does not say to which
                error.filename = str(target)
            raise
        refuse_existing(target, overwrite)
        os.replace(temporary, target)


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[IO[bytes]]:
    """The same with a binary file that is open for writing.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with atomic_write(Path(folder) / 'a.txt') as file:
        ...         _ = file.write(b'whole')
        ...     (Path(folder) / 'a.txt').read_text()
        'whole'
    """
    with atomic_path(path, overwrite) as temporary, temporary.open('wb') as file:
        yield file
