# SPDX-License-Identifier: Apache-2.0
"""Name the classes and functions that a pickle would import, without executing it."""

from __future__ import annotations

import pickletools
import zipfile
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Iterator
from pathlib import Path
from typing import IO


def iterate_globals(path: Path) -> Iterator[str]:
    """Yield "module.name" of every object that a checkpoint's pickle names.

    Reads as far as the file is legible: behind the pickles of an old-style file lie tensor data.

    Args:
        path: A checkpoint, a zip archive (torch 1.6 and later) or a row of pickles.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for entry in archive.namelist():
                    if entry.endswith('data.pkl'):
                        with archive.open(entry) as stream:
                            yield from globals_of_stream(stream)
        else:
            with path.open('rb') as file:
                while file.peek(1):
                    yield from globals_of_stream(file)
    except (ValueError, zipfile.BadZipFile, EOFError):
        return


def globals_of_stream(stream: IO[bytes]) -> Iterator[str]:
    """Yield "module.name" of every object that one pickle names.

    Raises:
        ValueError: The pickle is damaged.
    """
    strings: list[str] = []  # pushed so far: STACK_GLOBAL takes module and name from the last two
    memo: dict[int, str] = {}
    for opcode, argument, _ in pickletools.genops(stream):
        if opcode.name in ('GLOBAL', 'INST'):
            module, name = str(argument).split(' ', 1)
            yield _modern_name(module, name)
        elif opcode.name == 'STACK_GLOBAL' and len(strings) > 1:
            yield f'{strings[-2]}.{strings[-1]}'
        elif opcode.name == 'MEMOIZE':
            memo[len(memo)] = strings[-1] if strings else ''
        elif opcode.name in ('BINPUT', 'LONG_BINPUT', 'PUT') and argument is not None:
            memo[int(argument)] = strings[-1] if strings else ''
        elif opcode.name in ('BINGET', 'LONG_BINGET', 'GET') and argument is not None:
            strings.append(memo.get(int(argument), ''))
        elif isinstance(argument, str):
            strings.append(argument)


def _modern_name(module: str, name: str) -> str:
    """Translate Python 2's names, which protocol 2 writes."""
    if (module, name) in NAME_MAPPING:
        return '.'.join(NAME_MAPPING[(module, name)])
    return f'{IMPORT_MAPPING.get(module, module)}.{name}'
