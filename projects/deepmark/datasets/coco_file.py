# SPDX-License-Identifier: Apache-2.0
"""The outermost level of a COCO file; the entries of its lists are left as text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import msgspec

from deepmark.datasets.problems import DatasetError, Kind
from deepmark.json_file import JsonFileError, read_json_bytes

_STRING_OR_NON_FINITE = re.compile(rb'"(?:[^"\\]|\\.)*"|(-?(?:NaN|Infinity))')
_EXPLAINED_BYTES = 2**26  # Python's parser knows line and column, and takes ten times the memory


class CocoContent(NamedTuple):
    """JSON text of each entry; ``annotations`` is None when the file has no such key."""

    images: list[msgspec.Raw]
    annotations: list[msgspec.Raw] | None
    categories: list[msgspec.Raw]


class _Lists(msgspec.Struct):
    images: list[msgspec.Raw] | None = None
    annotations: list[msgspec.Raw] | None = None
    categories: list[msgspec.Raw] | None = None


def load_coco(file: Path) -> CocoContent:
    """Read a file and take it apart into entries.

    NaN, Infinity and a byte order mark, which JSON forbids and Python's ``json`` writes or reads,
    are accepted, so that the entries in question can be named.

    Raises:
        DatasetError: naming the file, what is wrong and the fix.
    """
    try:
        lists = _decode(read_json_bytes(file))
    except FileNotFoundError:
        raise DatasetError(
            f'{file}: annotation file missing. Fix: check data_root and ann_file'
        ) from None
    except JsonFileError as error:
        raise DatasetError(str(error)) from error
    except msgspec.ValidationError as error:
        raise DatasetError(_wrong_type(file, error)) from error
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(
            f'{file}: unreadable annotation file ({error}). Fix: {Kind.UNREADABLE_FILE.fix}'
        ) from error
    if lists.images is None:
        raise DatasetError(_no_images(file))
    return CocoContent(lists.images, lists.annotations, lists.categories or [])


def _decode(data: bytes) -> _Lists:
    try:
        return msgspec.json.decode(data, type=_Lists)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        try:
            return msgspec.json.decode(_mend(data), type=_Lists)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            if len(data) <= _EXPLAINED_BYTES:
                json.loads(data)
            raise error from None


def _mend(data: bytes) -> bytes:
    """UTF-8 without a byte order mark, and with NaN and infinities between quotes.

    Example:
        >>> _mend(b'{"NaN": [1, NaN, -Infinity]}')
        b'{"NaN": [1, "NaN", "-Infinity"]}'
    """
    encoding = json.detect_encoding(data)
    if encoding != 'utf-8':
        data = data.decode(encoding).encode()
    if b'NaN' not in data and b'Infinity' not in data:
        return data
    return _STRING_OR_NON_FINITE.sub(
        lambda found: b'"' + found[1] + b'"' if found[1] else found[0], data
    )


def _wrong_type(file: Path, error: msgspec.ValidationError) -> str:
    key = re.search(r'\$\.(\w+)', str(error))
    return f'{file}: {key[1]}: not a list. Fix: restore the file' if key else _no_images(file)


def _no_images(file: Path) -> str:
    return (
        f"{file}: images: missing key. Fix: give a COCO file with 'images', 'annotations' and "
        "'categories', or a folder of DeepFashion2's own JSON files"
    )
