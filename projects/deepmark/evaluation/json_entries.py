# SPDX-License-Identifier: Apache-2.0
"""A JSON list of any length, decoded piece by piece, with errors that name the entry and the key.

A result file of DeepFashion2's validation set holds over a gigabyte of text, nearly all of it
zeros. It is read in pieces that end between two entries; only what an entry needs outlives a piece.

That a piece ends between two entries is a guess (``}, {`` stands between them) which decoding
proves: text up to there decodes as whole entries, or it does not decode at all. Then, as with files
that are broken, the rest of the file is decoded as one.
"""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Generic, NamedTuple, TypeVar

import msgspec

from deepmark.evaluation.errors import EvaluationError

_Record = TypeVar('_Record')

PIECE_BYTES = 250_000  # fits the processor's cache: larger pieces take up to twice as long
_REWRITE = 'Fix: write or download the file again'
_BYTE = re.compile(r' \(byte (\d+)\)$')
_PLACE = re.compile(r' - at `\$(.*)`$')
_KEY = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:')
_NO_NUMBER = re.compile(rb'-?(?:NaN|nan|Infinity|inf)\b')
_SPACE = b'\xef\xbb\xbf \t\r\n'  # with the byte order mark of UTF-8
_MOST_GUESSES = 200


class EntryReader(Generic[_Record]):
    """Reads a JSON file that is one list.

    Args:
        path: the file; ``.gz`` is unpacked on the way.
        kind: what msgspec makes of an entry.
        content: what the entries are, for messages ('results').
        piece_bytes: how much text is decoded at once.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        kind: type[_Record],
        content: str,
        piece_bytes: int = PIECE_BYTES,
    ) -> None:
        self.path = path
        self.content = content
        self._piece_bytes = piece_bytes
        self._kind = kind
        self._list_decoder = msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]
        self._number = 0  # of the first entry that is not decoded yet
        self._offset = 0  # of its text in the file

    def __iter__(self) -> Iterator[_Record]:
        """All entries in the order of the file.

        Raises:
            EvaluationError: naming the file, the entry and the key: no list, cut off, no JSON, or
                an entry that is not of the kind.
            OSError: the file cannot be opened.
        """
        with _open(self.path) as stream:
            yield from self._entries(stream)

    def _entries(self, stream: IO[bytes]) -> Iterator[_Record]:
        rest = self._after_bracket(self._read(stream))
        while more := self._read(stream):
            rest += more
            cut = _last_start(rest, len(rest))
            if cut is None:
                continue
            entries = self._whole_entries(rest[:cut])
            if entries is None:
                break
            yield from entries
            rest = rest[cut:]
            self._offset += cut
        yield from self._last_entries(rest + self._read(stream, -1) if more else rest)

    def _read(self, stream: IO[bytes], size: int | None = None) -> bytes:
        try:
            return stream.read(self._piece_bytes if size is None else size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise EvaluationError(
                f'{self.path}: not a whole gzip file ({error}), cut off or damaged after '
                f'{self._number} {self.content}. {_REWRITE}'
            ) from error

    def _after_bracket(self, start: bytes) -> bytes:
        text = start.lstrip(_SPACE)
        if not text:
            raise EvaluationError(f'{self.path}: the file is empty. {_REWRITE}')
        if text[:1] != b'[':
            found = 'a JSON object (a dict)' if text[:1] == b'{' else f'{text[:1]!r} first'
            keys = [key.decode('utf-8', 'replace') for key in _KEY.findall(text[:2000])][:3]
            raise EvaluationError(
                f'{self.path}: {found}'
                + (f' with the keys {", ".join(keys)}, ...' if keys else '')
                + f', but {self.content} are a JSON list. Fix: give the list of {self.content} '
                'alone; truth goes in front of the results'
            )
        self._offset = len(start) - len(text) + 1
        return text[1:]

    def _whole_entries(self, text: bytes) -> list[_Record] | None:
        """The entries of a text that ends with a comma; None when it does not decode."""
        try:
            entries = self._list_decoder.decode(b'[' + text.rstrip()[:-1] + b']')
        except msgspec.ValidationError as error:
            raise self._unsuitable(error) from error
        except msgspec.DecodeError:
            return None
        self._number += len(entries)
        return entries

    def _last_entries(self, text: bytes) -> list[_Record]:
        try:
            return self._list_decoder.decode(b'[' + text)
        except msgspec.ValidationError as error:
            raise self._unsuitable(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            fault = locate_fault(text, _fault_position(error, text))
            title = f'{self.path}: [{self._number + fault.entry}]'
            title += f'.{fault.key}' if fault.key else ''
            raise EvaluationError(f'{title}: {fault.reason or f"{error}. {_REWRITE}"}') from error

    def _unsuitable(self, error: msgspec.ValidationError) -> EvaluationError:
        text, place = str(error), ''
        if match := _PLACE.search(text):
            text, place = text[: match.start()], match.group(1)
        first, bracket, rest = place.partition(']')
        number = self._number + int(first[1:]) if bracket and first[1:].isdigit() else None
        title = f'{self.path}: [{number}]{rest}' if number is not None else f'{self.path}'
        return EvaluationError(f'{title}: {text}. Fix: correct this entry')


def first_character(path: str | os.PathLike[str]) -> str:
    """The first character of a JSON file that is no space; '' when there is none."""
    try:
        with _open(path) as stream:
            start = stream.read(1000).lstrip(_SPACE)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return ''
    return start[:1].decode('latin-1')


class Fault(NamedTuple):
    """Where and why a list is no JSON: number of the entry, key or '', reason or ''."""

    entry: int
    key: str
    reason: str


def locate_fault(text: bytes, position: int) -> Fault:
    """Find the entry and the key of a fault.

    Args:
        text: a list of objects without its opening bracket.
        position: of the byte that does not fit; ``len(text)`` when the text ends too early.

    Example:
        >>> locate_fault(b'{"score": 1}, {"score": NaN}]', 24)[:2]
        (1, 'score')
    """
    entry, start = _entry_at(text, position)
    keys = _KEY.findall(text[start:position])
    key = keys[-1].decode('utf-8', 'replace') if keys else ''
    if position >= len(text):
        return Fault(entry, key, f'the file is cut off inside this entry. {_REWRITE}')
    for first in range(max(position - 2, 0), position + 1):  # msgspec may have read some of it
        if match := _NO_NUMBER.match(text, first):
            found = match.group().decode()
            reason = f'{found} is not a number. Fix: leave this entry out, or mend it'
            return Fault(entry, key, reason)
    return Fault(entry, key, '')


def _entry_at(text: bytes, position: int) -> tuple[int, int]:
    """Number and start of the entry that holds a position (0, 0 when it cannot be told)."""
    end = position
    for _ in range(_MOST_GUESSES):
        start = _last_start(text, end)
        if start is None:
            break
        try:
            raws = msgspec.json.decode(
                b'[' + text[:start].rstrip()[:-1] + b']', type=list[msgspec.Raw]
            )
        except msgspec.DecodeError:
            end = start
            continue
        return len(raws), start
    return 0, 0


def _last_start(text: bytes, end: int) -> int | None:
    """Where the last ``{`` before ``end`` stands that follows ``},``."""
    while (end := text.rfind(b'{', 0, end)) > 0:
        before = text[max(0, end - 100) : end].rstrip()
        if before[-1:] == b',' and before[:-1].rstrip()[-1:] == b'}':
            return end
    return None


def _fault_position(error: Exception, text: bytes) -> int:
    """Where the fault lies; msgspec says it, counting the bracket, unless the text just ends."""
    match = _BYTE.search(str(error))
    return min(int(match.group(1)) - 1, len(text) - 1) if match else len(text)


def _open(path: str | os.PathLike[str]) -> IO[bytes]:
    if str(path).endswith('.gz'):
        return gzip.open(path, 'rb')  # type: ignore[return-value]
    return Path(path).open('rb')
