# SPDX-License-Identifier: Apache-2.0
"""A folder that is written whole or not at all, and replaced only when it is one of ours."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deepmark.analysis.report.report_data import MADE_BY

JSON_NAME = 'report.json'


def refuse_folder(target: Path, overwrite: bool) -> None:
    """Raise when the folder may not be written.

    Raises:
        FileExistsError: it is there and ``overwrite`` is false, or it holds what no report wrote.
    """
    if not (target.exists() or target.is_symlink()):
        return
    if not overwrite:
        raise FileExistsError(f'{target} exists already. Fix: --overwrite, or another --out')
    foreign = _foreign_entry(target)
    if foreign:
        raise FileExistsError(
            f'{target} is not replaced: {foreign}. Fix: choose another --out, or clear it yourself'
        )


@contextlib.contextmanager
def report_folder(target: Path, overwrite: bool) -> Iterator[Path]:
    """Give an empty folder beside the target; when the block ends well, it becomes the target.

    Raises:
        FileExistsError: as :func:`refuse_folder`.
    """
    refuse_folder(target, overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='.writing-', dir=target.parent) as folder:
        written, old = Path(folder) / 'new', Path(folder) / 'old'
        written.mkdir()
        yield written
        refuse_folder(target, overwrite)
        _swap(written, target, old)


def _swap(written: Path, target: Path, old: Path) -> None:
    """Put the new folder in its place; if that fails, the earlier one is there again."""
    if not target.exists():
        os.replace(written, target)
        return
    os.replace(target, old)
    try:
        os.replace(written, target)
    except OSError:
        os.replace(old, target)
        raise


def _foreign_entry(target: Path) -> str | None:
    """What shows that the folder is not, or not only, an earlier report; None when it is one."""
    if target.is_symlink() or not target.is_dir():
        return 'it is no folder'
    entries = {entry.name for entry in target.iterdir()}
    if not entries:
        return None
    content = _read(target / JSON_NAME)
    if content.get('made_by') != MADE_BY:
        return f'it holds no {JSON_NAME} of an earlier report'
    others = sorted(entries - {JSON_NAME, *map(str, content.get('files', []))})
    return f'it also holds {others[0]}' if others else None


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
