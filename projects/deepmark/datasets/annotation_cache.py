# SPDX-License-Identifier: Apache-2.0
"""The annotation cache: where it is, whether it still fits, and how it comes about.

A cache is a file of :mod:`deepmark.datasets.cache_file`. While it is made, its parts and the whole
file lie in a folder beside it with the name of the cache and ``.building`` at the end; the finished
file is then moved to its place. So the cache is the old one or the new one at any time.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mmengine.dist import broadcast_object_list, get_rank, get_world_size, is_distributed
from mmengine.logging import print_log

from deepmark.datasets.annotation_build import KnownSizes, build_annotations, is_lasting
from deepmark.datasets.annotation_source import AnnotationSource
from deepmark.datasets.cache_file import (
    CacheFileError,
    CheckedAnnotations,
    RecordsFile,
    has_intact_arrays,
    open_annotations,
    read_header,
    write_annotations,
)
from deepmark.datasets.coco_reader import CocoReader
from deepmark.datasets.digests import digest_of_file, digest_of_texts
from deepmark.datasets.fingerprint import fingerprint, is_large, schema_digest
from deepmark.datasets.native_reader import NativeReader
from deepmark.datasets.problems import DatasetError, Problems
from deepmark.datasets.processes import MAX_WORKERS, results_of, usable_workers
from deepmark.datasets.records import Origin

if sys.platform != 'win32':
    import fcntl

AUTO, OFF = 'auto', 'off'
CACHE_VARIABLE = 'DEEPMARK_CACHE'
_FILES_PER_JOB = 4096


class CachedAnnotations(NamedTuple):
    """Annotations, whether they come from a cache that was there, and the cache file."""

    annotations: CheckedAnnotations
    from_cache: bool
    file: Path | None


def load_annotations(
    source: AnnotationSource,
    cache: str | os.PathLike[str] = AUTO,
    verify: bool = False,
    workers: int | None = None,
    progress: bool = True,
) -> CachedAnnotations:
    """Annotations of a source; the arguments are those of ``load_packed``."""
    read = partial(build_annotations, source, workers=workers, progress=progress)
    if not is_cached(source, cache):
        return CachedAnnotations(read(), False, None)
    keys = _Keys(source)
    places = cache_places(source, cache)
    for place in places:
        if found := _current(place, keys, verify):
            return CachedAnnotations(found, True, place)
    chosen = _writable(places)
    if chosen is None:
        return CachedAnnotations(read(), False, None)
    building = chosen.with_name(f'{chosen.name}.building')
    with _locked(building):
        if found := _current(chosen, keys, verify):  # another process has made it meanwhile
            return CachedAnnotations(found, True, chosen)
        sizes = _known_sizes(chosen)
        annotations = read(parts_folder=building, known=sizes, reuse=not verify)
        kept = _keep(annotations, chosen, building, keys)
    return CachedAnnotations(kept or annotations, False, chosen if kept else None)


def load_together(
    source: AnnotationSource,
    cache: str | os.PathLike[str] = AUTO,
    verify: bool = False,
    workers: int | None = None,
    progress: bool = True,
) -> CachedAnnotations:
    """The same, called by all ranks of a distributed run: rank 0 makes the cache.

    The others wait and map it; a rank that does not see the file (on another machine) loads for
    itself.

    Raises:
        DatasetError: on all ranks, with the same message, when rank 0 cannot read the source.
    """
    progress = progress and get_rank() == 0
    if not is_cached(source, cache):  # each for itself, with its share of the cores
        workers = workers or usable_workers(None, MAX_WORKERS) // get_world_size()
    load = partial(load_annotations, source, cache, verify, workers, progress)
    if not (is_distributed() and is_cached(source, cache)):
        return load()
    outcome: list[Origin | str | None] = ['rank 0 could not load the annotations, see its log']
    if get_rank() == 0:
        try:
            loaded = load()
            outcome = [loaded.annotations.packed.origin]
        except DatasetError as error:
            outcome = [str(error)]
            raise
        finally:
            broadcast_object_list(outcome)
        return loaded
    broadcast_object_list(outcome)
    if isinstance(outcome[0], str):
        raise DatasetError(outcome[0])
    return _mapped(outcome[0], source) or load()


def is_cached(source: AnnotationSource, cache: str | os.PathLike[str]) -> bool:
    """Whether a cache is used: never, for large sources (``'auto'``) or always (a folder)."""
    if cache == AUTO:
        return os.environ.get(CACHE_VARIABLE) != OFF and is_large(source)
    return cache != OFF and (source.annotations is None or source.annotations.exists())


def cache_places(source: AnnotationSource, cache: str | os.PathLike[str]) -> list[Path]:
    """Where the cache of a source may be, in the order of preference.

    ``'auto'`` is the folder that the environment variable DEEPMARK_CACHE names, or else
    ``.deepmark`` beside the annotations, then the user's folder for caches.
    """
    data = (source.annotations or source.image_folder).absolute()
    photos = os.path.relpath(source.image_folder.absolute(), data)
    what = [schema_digest(source.schema), photos, str(source.check_images)]
    beside = f'{data.name}-{digest_of_texts(what)[:12]}.records'
    elsewhere = f'{data.parent.name}-{data.name}-{digest_of_texts([*what, str(data)])[:12]}.records'
    if cache != AUTO:
        return [Path(cache).absolute() / elsewhere]
    if os.environ.get(CACHE_VARIABLE):
        return [Path(os.environ[CACHE_VARIABLE]).absolute() / elsewhere]
    user = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return [data.parent / '.deepmark' / beside, Path(user, 'deepmark', elsewhere).absolute()]


def _mapped(file: Origin | None, source: AnnotationSource) -> CachedAnnotations | None:
    """The cache that rank 0 has made, when this rank can see it."""
    if not isinstance(file, RecordsFile):
        return None
    try:
        annotations = open_annotations(file.path, file.key, _roots(source))
    except (CacheFileError, OSError):
        return None
    return CachedAnnotations(annotations, True, Path(file.path))


def _roots(source: AnnotationSource) -> tuple[str, ...]:
    return str(source.image_folder), str(source.annotations or '')


class _Keys:
    """Fingerprints of a source, each taken once."""

    def __init__(self, source: AnnotationSource) -> None:
        self.source = source
        self._known: dict[tuple[str, ...], str] = {}
        self._file_state = _file_state(source.annotations)
        self.of(('',))  # before anything is read

    def of(self, image_folders: tuple[str, ...]) -> str:
        if image_folders not in self._known:
            self._known[image_folders] = fingerprint(self.source, image_folders)
        return self._known[image_folders]

    def still_fit(self) -> bool:
        """Whether a COCO file is as it was before it was read.

        The folders of its photos, and so its fingerprint, are only known afterwards.
        """
        return _file_state(self.source.annotations) == self._file_state


def _file_state(path: Path | None) -> tuple[int, int, int] | None:
    """Identity, bytes and time of a file; None for a folder or nothing."""
    if path is None or not path.is_file():
        return None
    state = path.stat()
    return state.st_ino, state.st_size, state.st_mtime_ns


def _current(place: Path, keys: _Keys, verify: bool) -> CheckedAnnotations | None:
    """The cache when it can be used, else None."""
    try:
        header = read_header(place)
        key = keys.of(header.image_folders)
        if header.key != key:
            return None
        annotations = open_annotations(place, key, _roots(keys.source))
        if verify and not (has_intact_arrays(place) and _same_content(keys.source, annotations)):
            raise CacheFileError(f'{place}: differs from the annotation files')
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (CacheFileError, OSError) as error:
        _warn(f'annotation cache not used: {error}')
        return None
    return annotations


def _same_content(source: AnnotationSource, annotations: CheckedAnnotations) -> bool:
    """Whether all annotation files have the content that was read."""
    reader = source.reader()
    files: list[Path] = []
    if isinstance(reader, CocoReader):
        files = [reader.annotation_file]
    elif isinstance(reader, NativeReader):
        files = [reader.annotation_file(name) for name in reader.list_images(Problems('warn'))[0]]
    jobs = [files[n : n + _FILES_PER_JOB] for n in range(0, len(files), _FILES_PER_JOB)]
    with results_of(_digests, jobs, usable_workers(None, len(jobs))) as results:
        digests = b''.join(digest for _, digest in sorted(results))
    return digests == annotations.file_digests.tobytes()


def _digests(files: Sequence[Path]) -> bytes:
    return b''.join(digest_of_file(file) for file in files)


def _writable(places: Sequence[Path]) -> Path | None:
    """The first place in whose folder a file can be made."""
    for number, place in enumerate(places):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place.parent):
                pass
        except OSError as error:
            following = f'using {places[number + 1].parent}' if places[number + 1 :] else 'no cache'
            _warn(
                f'{place.parent}: cannot keep the annotation cache here ({error}); {following}. '
                f'To choose a folder: cache=FOLDER or {CACHE_VARIABLE}=FOLDER'
            )
        else:
            return place
    return None


def _known_sizes(place: Path) -> KnownSizes | None:
    """Image sizes from a cache that does not fit any more."""
    try:
        if not has_intact_arrays(place):
            return None
        return KnownSizes(open_annotations(place, read_header(place).key))
    except (CacheFileError, OSError):
        return None


def _keep(
    annotations: CheckedAnnotations, place: Path, building: Path, keys: _Keys
) -> CheckedAnnotations | None:
    """Write the cache and map it; None, with a warning, when it cannot or must not be kept."""
    whole = building / place.name
    try:
        key = keys.of(annotations.image_folders)
        if reason := _why_not_to_keep(annotations, keys):
            _warn(f'{place}: annotation cache not written: {reason}')
            return None
        write_annotations(whole, key, annotations, _roots(keys.source))
        os.replace(whole, place)
        return open_annotations(place, key, _roots(keys.source))
    except (CacheFileError, OSError) as error:
        _warn(
            f'{place}: cannot write the annotation cache ({error}); going on without it, an older '
            f'one is as it was. Fix: make room, or choose a folder: cache=FOLDER or '
            f'{CACHE_VARIABLE}=FOLDER'
        )
        return None
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _why_not_to_keep(annotations: CheckedAnnotations, keys: _Keys) -> str:
    if not is_lasting(annotations.problems):
        return 'a file could not be read, which may be otherwise the next time'
    return '' if keys.still_fit() else f'{keys.source.annotations} changed while it was read'


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let only one process of this machine work in a folder, where the system can do that.

    The others wait. Without locks two processes do the same work, and no harm.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / 'lock').open('wb')
    except OSError:
        yield
        return
    with file:
        if sys.platform != 'win32':
            with suppress(OSError):  # a network disk without locks
                fcntl.lockf(file, fcntl.LOCK_EX)  # flock's would pass to forked workers
        try:
            yield
        finally:
            with suppress(OSError):  # parts that are kept, or all removed already
                (folder / 'lock').unlink()
                folder.rmdir()


def _warn(message: str) -> None:
    print_log(message, logger='current', level=logging.WARNING)
