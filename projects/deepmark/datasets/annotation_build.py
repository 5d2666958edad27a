# SPDX-License-Identifier: Apache-2.0
"""Reading all files of a source, in parts that several processes share.

With a folder for the parts, each is kept there as soon as it is read: a run that was killed goes on
with the parts that are left. A part is used again when it is intact and its files have not changed
meanwhile; one with a file that could not be read is not kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from deepmark.datasets.annotation_source import AnnotationSource, Reader
from deepmark.datasets.cache_file import (
    FORMAT_VERSION,
    CacheFileError,
    CheckedAnnotations,
    has_intact_arrays,
    open_annotations,
    read_header,
    write_annotations,
)
from deepmark.datasets.coco_reader import CocoReader
from deepmark.datasets.digests import digest_of_file, digest_of_texts
from deepmark.datasets.fingerprint import file_stats, schema_digest
from deepmark.datasets.image_size import is_utf8
from deepmark.datasets.native_reader import NativeReader
from deepmark.datasets.packing import ReadResult, read_result
from deepmark.datasets.problems import DatasetError, Kind, Problem, Problems
from deepmark.datasets.processes import results_of, usable_workers
from deepmark.datasets.records import PackedRecords, TooManySourcesError
from deepmark.datasets.value_checks import check_values
from deepmark.progress import show_progress

IMAGES_PER_PART = 4096
Stats = npt.NDArray[np.int64]


class KnownSizes:
    """Sizes of images from an older cache, valid while bytes and time of a file are the same."""

    def __init__(self, annotations: CheckedAnnotations) -> None:
        names = annotations.packed.file_name_list()
        self._rows = {name: row for row, name in enumerate(names)}
        self._table: Stats = np.hstack([annotations.image_stats, annotations.packed.image_wh])

    def of(self, names: Sequence[str]) -> Stats:
        """(n, 4) bytes, time, width, height; zeros for unknown images."""
        rows = np.array([self._rows.get(name, -1) for name in names], np.int64)
        found = np.zeros((len(names), 4), np.int64)
        found[rows >= 0] = self._table[rows[rows >= 0]]
        return found


@dataclass(frozen=True)
class _Part:
    """Some images of a source, and where to keep what is read of them."""

    source: AnnotationSource
    names: list[str]
    image_ids: list[int]
    known: Stats | None
    file: Path | None
    reuse: bool = True


_Kept = tuple[Path, str]  # a file and its key


def build_annotations(
    source: AnnotationSource,
    parts_folder: Path | None = None,
    known: KnownSizes | None = None,
    reuse: bool = True,
    workers: int | None = None,
    progress: bool = True,
) -> CheckedAnnotations:
    """Read and check a source.

    Args:
        source: the files.
        parts_folder: where finished parts are kept; None keeps them in memory.
        known: sizes of images that need not be opened.
        reuse: take intact parts that an earlier run has left in ``parts_folder``.
        workers: processes; None: one for each core, 8 at most. A COCO file is read by one.
        progress: show a progress bar on standard error when there are several parts.

    Raises:
        DatasetError: a file cannot be read at all, or a process was killed.
    """
    reader = source.reader()
    if isinstance(reader, CocoReader):
        return _read_coco(reader, source)
    problems = Problems('warn')
    names, image_ids = reader.list_images(problems)
    parts = []
    for number, start in enumerate(range(0, max(len(names), 1), IMAGES_PER_PART)):
        rows = slice(start, start + IMAGES_PER_PART)
        file = parts_folder / f'part-{number:05d}.records' if parts_folder else None
        sizes = known.of(names[rows]) if known else None
        parts.append(_Part(source, names[rows], image_ids[rows], sizes, file, reuse))
    try:
        whole = CheckedAnnotations.concatenate(_read_parts(parts, workers, progress))
    except TooManySourcesError as error:
        raise DatasetError(f'{source.annotations}: {error}') from error
    return replace(whole, problems=(*problems.found, *whole.problems))


def is_lasting(problems: Sequence[Problem]) -> bool:
    """Whether reading again would find the same: not so when a file could not be read."""
    return all(problem.kind is not Kind.READ_ERROR for problem in problems)


def locator(
    reader: Reader, packed: PackedRecords, positions: npt.NDArray[np.int32]
) -> Callable[[int], tuple[str, str]]:
    """A function that gives file and key of a garment, by its index."""

    def locate(item: int) -> tuple[str, str]:
        image = int(np.searchsorted(packed.item_offsets, item, side='right')) - 1
        return reader.locate(packed.file_name(image), int(positions[item]))

    return locate


def _read_parts(
    parts: Sequence[_Part], workers: int | None, progress: bool
) -> list[CheckedAnnotations]:
    workers = usable_workers(workers, len(parts))
    shown = progress and len(parts) > 1
    try:
        with results_of(_read_part, parts, workers) as results:
            bar = show_progress(results, 'reading annotations', len(parts), shown)
            found: dict[int, CheckedAnnotations | _Kept] = dict(bar)
    except BrokenProcessPool as error:
        raise DatasetError(
            f'{parts[0].source.annotations or parts[0].source.image_folder}: a process that read '
            'the files was killed, probably for want of memory. Fix: start again (finished parts '
            'are kept with a cache), with fewer workers'
        ) from error
    return [_opened(part, found[number]) for number, part in enumerate(parts)]


def _opened(part: _Part, result: CheckedAnnotations | _Kept) -> CheckedAnnotations:
    if isinstance(result, CheckedAnnotations):
        return result
    try:
        return open_annotations(*result)
    except (CacheFileError, OSError):  # another process has cleared up
        again = _read_part(replace(part, file=None))
        assert isinstance(again, CheckedAnnotations)
        return again


def _read_part(part: _Part) -> CheckedAnnotations | _Kept:
    """Read one part; where it is kept, or itself when it is not kept or the disk is full."""
    if part.file is None:
        return _read_images(part, np.zeros((len(part.names), 2), np.int64))
    image_stats = file_stats(part.source.image_folder, part.names)
    key = _part_key(part, image_stats)
    if part.reuse and _is_intact(part.file, key):
        return part.file, key
    annotations = _read_images(part, image_stats)
    if not is_lasting(annotations.problems):
        return annotations
    try:
        write_annotations(part.file, key, annotations)
    except OSError:
        return annotations
    return part.file, key


def _is_intact(file: Path, key: str) -> bool:
    """Whether a part is there, whole, and still fits."""
    try:
        return read_header(file).key == key and has_intact_arrays(file)
    except (CacheFileError, OSError):
        return False


def _read_images(part: _Part, image_stats: Stats) -> CheckedAnnotations:
    reader = part.source.reader()
    assert not isinstance(reader, CocoReader)
    sizes = None
    if part.known is not None:
        same = np.all(part.known[:, :2] == image_stats, axis=1) & (image_stats[:, 0] > 0)
        sizes = [(w, h) for w, h in (part.known[:, 2:] * same[:, None]).tolist()]
    read = reader.read_images(part.names, part.image_ids, sizes)
    rows = {name: row for row, name in enumerate(part.names)}
    stats = image_stats[[rows[image.file_name] for image in read.images]]
    return _checked(reader, read_result(read.images), stats, read.digests, read.problems)


def _read_coco(reader: CocoReader, source: AnnotationSource) -> CheckedAnnotations:
    problems = Problems('warn')
    digest = digest_of_file(reader.annotation_file)
    try:
        result = reader.read(problems)
    except TooManySourcesError as error:
        raise DatasetError(f'{reader.annotation_file}: {error}') from error
    stats = np.zeros((result.packed.num_images, 2), np.int64)
    folders = _image_folders(result.packed, source.image_folder, problems.found)
    checked = _checked(reader, result, stats, digest, problems.found)
    return replace(checked, image_folders=folders)


def _checked(
    reader: Reader, result: ReadResult, stats: Stats, digests: bytes, found: list[Problem]
) -> CheckedAnnotations:
    problems = Problems('warn')
    problems.extend(found)
    locate = locator(reader, result.packed, result.positions)
    usable = check_values(result.packed, problems, locate, reader.keys())
    packed = result.packed.keep_items(usable)
    names = tuple(name if is_utf8(name) else '' for name in packed.source_names)
    return CheckedAnnotations(
        replace(packed, source_names=names),
        result.positions[usable],
        stats.reshape(-1, 2),
        np.frombuffer(digests, np.uint8),
        tuple(problems.found),
        result.packed.num_items,
    )


def _part_key(part: _Part, image_stats: Stats) -> str:
    source = part.source
    texts = [str(FORMAT_VERSION), schema_digest(source.schema), *part.names]
    texts += [str(image_id) for image_id in part.image_ids]
    reader = source.reader()
    stats = [image_stats]
    if isinstance(reader, NativeReader):
        files = [reader.annotation_file(name).name for name in part.names]
        stats.append(file_stats(reader.annotation_folder, files))
    return digest_of_texts([*texts, *(str(values.tolist()) for values in stats)])


def _image_folders(
    packed: PackedRecords, image_folder: Path, problems: Sequence[Problem]
) -> tuple[str, ...]:
    """Folders of all images of a COCO file, also of the missing ones; relative, '' first."""
    missing = [problem.detail for problem in problems if problem.kind is Kind.MISSING_IMAGE]
    names = [os.path.relpath(path, image_folder) for path in missing]
    if ord('/') in packed.file_names:
        names += packed.file_name_list()
    folders = {str(PurePosixPath(name).parent) for name in names} - {'.'}
    return '', *sorted(folders)
