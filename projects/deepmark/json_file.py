# SPDX-License-Identifier: Apache-2.0
"""JSON files of any size, plain or gzipped, with errors that name the file and the place in it."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from typing import TypeVar

import msgspec

_Content = TypeVar('_Content')


class JsonFileError(ValueError):
    """A JSON file that cannot be used; the message names the file, the place and the fix."""


def read_json_bytes(path: str | os.PathLike[str]) -> bytes:
    """Bytes of a JSON file; ``.gz`` is unpacked.

    Raises:
        JsonFileError: the file is empty, or not a whole gzip file.
        OSError: the file cannot be opened.
    """
    data = Path(path).read_bytes()
    if not data:
        raise JsonFileError(f'{path}: the file is empty. Fix: write or download it again')
    if not str(path).endswith('.gz'):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise JsonFileError(
            f'{path}: not a whole gzip file ({error}). Fix: write or download it again'
        ) from error


def decode_json(data: bytes | msgspec.Raw, kind: type[_Content], title: str) -> _Content:
    """Decode into a type that msgspec knows.

    Args:
        data: JSON text.
        kind: the expected type, with :class:`msgspec.Raw` for parts that are decoded later.
        title: file and place, put in front of the message of an error.

    Raises:
        JsonFileError: no JSON, cut off, or not of this type; names the place.

    Example:
        >>> decode_json(b'[1, 2]', list[int], 'a.json')
        [1, 2]
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise JsonFileError(f'{title}: {error}') from error
