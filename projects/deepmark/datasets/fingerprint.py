# SPDX-License-Identifier: Apache-2.0
"""Whether the files of a source are still those that a cache was made from.

A fingerprint covers names, sizes and modification times of annotations and photos, the schema and
the version of the cache's format. It opens no file. It is taken before the files are read: one that
changes meanwhile does not fit it any more.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from deepmark.datasets.annotation_source import AnnotationSource
from deepmark.datasets.cache_file import FORMAT_VERSION
from deepmark.datasets.digests import digest_of, digest_of_texts
from deepmark.datasets.image_size import IMAGE_SUFFIXES, suffix_of
from deepmark.datasets.processes import FORK, results_of, usable_workers
from deepmark.datasets.schema_metainfo import schema_to_dict
from deepmark.schema import LandmarkSchema

ANNOTATION_SUFFIXES = frozenset({'.json'})
MANY_FILES = 1000
LARGE_FILE = 16 * 2**20
LARGE_GZIP_FILE = 2**20


def is_large(source: AnnotationSource) -> bool:
    """Whether reading a source takes long enough for a cache to be worth its file."""
    annotations = source.annotations
    if annotations is None or annotations.is_dir():
        folder = annotations or source.image_folder
        suffixes = ANNOTATION_SUFFIXES if annotations else IMAGE_SUFFIXES
        return folder.is_dir() and len(_entries(folder, suffixes)) >= MANY_FILES
    least = LARGE_GZIP_FILE if annotations.suffix == '.gz' else LARGE_FILE
    return annotations.is_file() and annotations.stat().st_size >= least


def fingerprint(source: AnnotationSource, image_folders: Sequence[str] = ('',)) -> str:
    """Fingerprint of a source in its present state.

    Args:
        source: the files.
        image_folders: folders of the photos, relative to the image folder.
    """
    folders: list[tuple[str, Collection[str] | None]] = []
    parts = [f'{FORMAT_VERSION} {schema_digest(source.schema)} {source.check_images}']
    if source.annotations is None or source.annotations.is_dir():
        folders.append((str(source.image_folder), IMAGE_SUFFIXES))
        if source.annotations is not None:
            folders.append((str(source.annotations), ANNOTATION_SUFFIXES))
    else:
        state = source.annotations.stat()
        parts.append(f'{source.annotations.name} {state.st_size} {state.st_mtime_ns}')
        if source.check_images:
            folders += [(str(source.image_folder / folder), None) for folder in image_folders]
            parts += image_folders
    return digest_of_texts([*parts, *_folder_digests(folders)])


def schema_digest(schema: LandmarkSchema) -> str:
    """Digest of all that a schema says."""
    return digest_of(msgspec.json.encode(schema_to_dict(schema))).hex()


def file_stats(folder: Path, names: Sequence[str]) -> npt.NDArray[np.int64]:
    """(n, 2) size and modification time (ns) of files; 0 0 for those that are not there."""
    return np.array([_stat(folder / name) for name in names], np.int64).reshape(-1, 2)


def _folder_digests(folders: Sequence[tuple[str, Collection[str] | None]]) -> list[str]:
    """Digests of folders; of long ones side by side where processes start fast."""
    parallel = FORK and any(_is_long(folder) for folder, _ in folders)
    workers = usable_workers(None, len(folders)) if parallel else 1
    with results_of(_folder_digest, folders, workers) as results:
        return [digest for _, digest in sorted(results)]


def _is_long(folder: str) -> bool:
    """Whether a folder has tens of thousands of entries, by the length of its own list.

    Not all file systems count that. It matters for half a second only.
    """
    return os.path.isdir(folder) and os.stat(folder).st_size > 2**20


def _folder_digest(job: tuple[str, Collection[str] | None]) -> str:
    folder, suffixes = job
    if not os.path.isdir(folder):
        return 'none'
    lines = []
    for entry in _entries(folder, suffixes):
        try:
            state = entry.stat()
        except OSError:  # a link to nothing
            lines.append(f'{entry.name}\0')
        else:
            lines.append(f'{entry.name}\0{state.st_size}\0{state.st_mtime_ns}')
    lines.sort()
    return digest_of_texts(lines)


def _entries(
    folder: str | os.PathLike[str], suffixes: Collection[str] | None
) -> list[os.DirEntry[str]]:
    """Files of a folder: all, or those with one of these suffixes."""
    with os.scandir(folder) as entries:
        if suffixes is None:
            return [entry for entry in entries if not entry.is_dir()]
        return [entry for entry in entries if suffix_of(entry.name) in suffixes]


def _stat(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError:
        return 0, 0
    return state.st_size, state.st_mtime_ns
