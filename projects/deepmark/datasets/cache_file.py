# SPDX-License-Identifier: Apache-2.0
"""Checked annotations in one file that all processes map into memory.

Layout: ``magic`` (8 bytes, with the version), length of the header (8 bytes, little-endian),
BLAKE2 digest of the header (16 bytes), the header (JSON), and from the next multiple of 64 on the
arrays, each of them at a multiple of 64. The header says how long the file is, so that a file that
was cut off is not taken for a whole one.
"""

from __future__ import annotations

import mmap
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np
import numpy.typing as npt

from deepmark.atomic_write import atomic_write
from deepmark.datasets.digests import DIGEST_BYTES, digest_of
from deepmark.datasets.problems import Kind, Problem
from deepmark.datasets.records import PackedRecords

FORMAT_VERSION = 3
_MAGIC = b'DMRECS' + FORMAT_VERSION.to_bytes(2, 'little')
_PREFIX_BYTES = len(_MAGIC) + 8 + DIGEST_BYTES
_ALIGNMENT = 64
_OWN_ARRAYS = ('positions', 'image_stats', 'file_digests')


class CacheFileError(ValueError):
    """A cache file that cannot be used; the message names it and says why."""


@dataclass(frozen=True)
class CheckedAnnotations:
    """What reading and checking a source gave.

    Args:
        packed: all images, with the garments that can be used.
        positions: (N,) int32, see :class:`~deepmark.datasets.packing.ReadResult`.
        image_stats: (I, 2) int64 bytes and modification time (ns) of each image, 0 unknown.
        file_digests: (16 F,) uint8, digests of the F annotation files in the order of reading.
        problems: what is wrong.
        num_read: garments that were read, the unusable ones among them.
        image_folders: folders of the images, relative to the image folder.
    """

    packed: PackedRecords
    positions: npt.NDArray[np.int32]
    image_stats: npt.NDArray[np.int64]
    file_digests: npt.NDArray[np.uint8]
    problems: tuple[Problem, ...] = ()
    num_read: int = 0
    image_folders: tuple[str, ...] = ('',)

    @classmethod
    def concatenate(cls, parts: Sequence[CheckedAnnotations]) -> CheckedAnnotations:
        """Join parts of one source; annotation ids go on counting from part to part."""
        starts = accumulate((part.num_read for part in parts), initial=0)
        numbered = [
            replace(part.packed, annotation_ids=part.packed.annotation_ids + start)
            for part, start in zip(parts, starts, strict=False)
        ]
        return cls(
            PackedRecords.concatenate(numbered),
            np.concatenate([part.positions for part in parts]),
            np.concatenate([part.image_stats for part in parts]),
            np.concatenate([part.file_digests for part in parts]),
            problems=tuple(problem for part in parts for problem in part.problems),
            num_read=sum(part.num_read for part in parts),
        )


class _ArrayPlace(msgspec.Struct):
    dtype: str
    shape: tuple[int, ...]
    offset: int
    crc32: int


class Header(msgspec.Struct):
    """What stands in front of the arrays.

    Args:
        key: fingerprint of the source.
        num_bytes: length of the file, counted from the first array.
        roots: the folders with which the texts of the problems begin.
        problems: kind, file, key, detail.
    """

    key: str
    num_bytes: int
    arrays: dict[str, _ArrayPlace]
    source_names: tuple[str, ...]
    num_read: int
    image_folders: tuple[str, ...]
    roots: tuple[str, ...]
    problems: list[tuple[str, str, str, str]]


@dataclass(frozen=True)
class RecordsFile:
    """A cache file as the origin of packed records; pickled in their place."""

    path: str
    key: str

    def open(self) -> PackedRecords:
        """Map the file again; CacheFileError when it was replaced meanwhile."""
        return open_annotations(self.path, self.key).packed


def write_annotations(
    path: str | os.PathLike[str],
    key: str,
    annotations: CheckedAnnotations,
    roots: Sequence[str] = (),
) -> None:
    """Write a whole file or none.

    Args:
        path: the file; replaced when it is there.
        key: fingerprint of the source.
        annotations: what to write.
        roots: folders of the source, see :class:`Header`.

    Raises:
        OSError: the disk is full, or the folder cannot be written; the old file is intact.
    """
    with atomic_write(path, overwrite=True) as file:
        _write(file, key, annotations, tuple(roots))
        file.flush()
        os.fsync(file.fileno())


def read_header(path: str | os.PathLike[str]) -> Header:
    """The header alone.

    Raises:
        CacheFileError: no cache file of this version, or not a whole one.
        OSError: it cannot be opened.
    """
    with Path(path).open('rb') as file:
        return _header(file, path)[0]


def open_annotations(
    path: str | os.PathLike[str], key: str, roots: Sequence[str] = ()
) -> CheckedAnnotations:
    """Map a cache file into memory, without reading the arrays.

    Args:
        path: the file.
        key: fingerprint that it must have been written for.
        roots: folders of the source as they are called now.

    Raises:
        CacheFileError: no cache file of this version, not a whole one, or one of another key.
        OSError: it cannot be opened.
    """
    with Path(path).open('rb') as file:
        header, start = _header(file, path)
        if header.key != key:
            raise CacheFileError(f'{path}: written for another state of the annotations')
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    arrays = {name: _array(data, start, place) for name, place in header.arrays.items()}
    own = {name: arrays.pop(name) for name in _OWN_ARRAYS}
    packed = PackedRecords(**arrays, source_names=header.source_names)
    object.__setattr__(packed, 'origin', RecordsFile(os.fspath(Path(path).absolute()), key))
    return CheckedAnnotations(
        packed,
        **own,
        problems=tuple(_problem(row, header.roots, roots) for row in header.problems),
        num_read=header.num_read,
        image_folders=header.image_folders,
    )


def has_intact_arrays(path: str | os.PathLike[str]) -> bool:
    """Whether all arrays are as they were written; reads the whole file."""
    with Path(path).open('rb') as file:
        header, start = _header(file, path)
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return all(
        zlib.crc32(_array(data, start, place).data) == place.crc32
        for place in header.arrays.values()
    )


def _write(
    file: IO[bytes], key: str, annotations: CheckedAnnotations, roots: tuple[str, ...]
) -> None:
    arrays = dict(annotations.packed.arrays())
    arrays |= {name: getattr(annotations, name) for name in _OWN_ARRAYS}
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    starts = list(accumulate((_aligned(array.nbytes) for array in arrays.values()), initial=0))
    places = {
        name: _ArrayPlace(array.dtype.str, array.shape, start, zlib.crc32(array.data))
        for (name, array), start in zip(arrays.items(), starts, strict=False)
    }
    header = msgspec.json.encode(
        Header(
            key,
            starts[-1],
            places,
            annotations.packed.source_names,
            annotations.num_read,
            annotations.image_folders,
            roots,
            [(p.kind.name, p.file, p.key, p.detail) for p in annotations.problems],
        )
    )
    file.write(_MAGIC + len(header).to_bytes(8, 'little') + digest_of(header))
    file.write(header.ljust(_aligned(_PREFIX_BYTES + len(header)) - _PREFIX_BYTES))
    for array in arrays.values():
        file.write(array.data if array.size else b'')
        file.write(bytes(_aligned(array.nbytes) - array.nbytes))


def _header(file: IO[bytes], path: str | os.PathLike[str]) -> tuple[Header, int]:
    """The header, and where the arrays begin."""
    prefix = file.read(_PREFIX_BYTES)
    if len(prefix) < _PREFIX_BYTES or not prefix.startswith(_MAGIC):
        raise CacheFileError(f'{path}: not a cache file of this version')
    length = int.from_bytes(prefix[len(_MAGIC) :][:8], 'little')
    size = os.fstat(file.fileno()).st_size
    text = file.read(length) if length <= size else b''
    if len(text) != length or digest_of(text) != prefix[-DIGEST_BYTES:]:
        raise CacheFileError(f'{path}: the header is damaged')
    header = msgspec.json.decode(text, type=Header)
    start = _aligned(_PREFIX_BYTES + length)
    if size != start + header.num_bytes:
        raise CacheFileError(f'{path}: {size} bytes instead of {start + header.num_bytes}')
    return header, start


def _array(data: mmap.mmap, start: int, place: _ArrayPlace) -> npt.NDArray[Any]:
    count = int(np.prod(place.shape))
    flat = np.frombuffer(data, np.dtype(place.dtype), count, start + place.offset)
    return flat.reshape(place.shape)


def _problem(row: Sequence[str], then: Sequence[str], now: Sequence[str]) -> Problem:
    """A problem as it reads when the folders of the source are called otherwise than then."""
    kind, file, key, detail = row
    for old, new in zip(then, now, strict=False):
        if old != new:
            file, detail = _moved(file, old, new), _moved(detail, old, new)
    return Problem(Kind[kind], file, key, detail)


def _moved(text: str, old: str, new: str) -> str:
    """``text`` with another folder (or file) at its beginning."""
    rest = text[len(old) :]
    return new + rest if text.startswith(old) and rest[:1] in ('', os.sep) else text


def _aligned(num_bytes: int) -> int:
    return -(-num_bytes // _ALIGNMENT) * _ALIGNMENT
