# SPDX-License-Identifier: Apache-2.0
"""Annotations from one form to another, through the packed records that the data set itself uses.

``records``: the data set's own cache. ``coco``: the official dense JSON. ``coco-compact``: JSON
with own-category landmarks only. ``native``: DeepFashion2's tree, one file for each photo.

Kept by all: boxes, landmarks, polygons, attributes, pair, source (in the precision of float32).
Kept by COCO only: ids of images and annotations, ``area``, ``iscrowd``, image sizes. Not read at
all: run-length masks, landmarks in another category's slots (counted), unknown keys, and source
and pair of a photo without garments.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from deepmark.atomic_write import refuse_existing
from deepmark.datasets.annotation_source import AnnotationSource, find_source
from deepmark.datasets.coco_reader import CocoReader
from deepmark.datasets.coco_writer import write_coco
from deepmark.datasets.load_packed import LoadedAnnotations, load_packed
from deepmark.datasets.native_reader import NativeReader
from deepmark.datasets.native_writer import native_losses, write_native
from deepmark.datasets.problems import DatasetError, OnProblem
from deepmark.datasets.records import PackedRecords
from deepmark.schema import LandmarkSchema, get_schema

Form = Literal['records', 'coco', 'coco-compact', 'native']
FORMS: tuple[Form, ...] = get_args(Form)
_COCO_SUFFIXES = ('.json', '.json.gz')


@dataclass(frozen=True)
class Conversion:
    """What to convert, and to what.

    Args:
        source: as :func:`~deepmark.datasets.annotation_source.find_source` takes it.
        to: the form to write.
        out: the file (COCO) or new folder (native); for records the folder of the cache, None for
            the data set's own choice.
        schema: categories and landmarks.
        image_folder: the photos, where they are not beside the annotations.
        visible_only: COCO: occluded landmarks as 0 0 0.
        allow_loss: native: write although the form cannot hold everything.
        check_images: whether the photos that a COCO file names must exist.
        on_problem: ``'error'`` stops at contradictions, ``'warn'`` leaves them out.
        verify: compare the cache with the contents of the files, not with sizes and times.
        workers: processes that read; all cores by default.
        overwrite: replace what stands at ``out``.
        progress: show bars on stderr.
    """

    source: Path
    to: Form
    out: Path | None = None
    schema: LandmarkSchema | str | None = None
    image_folder: Path | None = None
    visible_only: bool = False
    allow_loss: bool = False
    check_images: bool = True
    on_problem: OnProblem = 'error'
    verify: bool = False
    workers: int | None = None
    overwrite: bool = False
    progress: bool = False


@dataclass(frozen=True)
class ConversionSummary:
    """What was written."""

    path: Path | None
    num_images: int
    num_garments: int
    megabytes: float
    seconds: float
    from_cache: bool

    def __str__(self) -> str:
        origin = 'the cache' if self.from_cache else 'the files'
        place = self.path or 'no cache (small data sets are read from their files each time)'
        return (
            f'{place}: {self.num_images} images, {self.num_garments} garments from {origin}, '
            f'{self.megabytes:.1f} MB, {self.seconds:.1f} s'
        )


def convert(conversion: Conversion) -> ConversionSummary:
    """Read, check and write.

    Raises:
        DatasetError: problems of the annotations, options that contradict each other, something
            that the form cannot hold, or a disk that does not take it.
        FileExistsError: ``out`` exists and ``overwrite`` is false.
    """
    start = time.perf_counter()
    source = find_source(conversion.source, conversion.schema, conversion.image_folder)
    source = replace(source, check_images=conversion.check_images)
    _check_options(conversion, source)
    try:
        loaded = _load(conversion, source)
        loaded.problems.report()
        path = _write(conversion, source, loaded)
    except FileExistsError:
        raise
    except OSError as error:
        raise DatasetError(
            f'{error.filename or conversion.out}: {error.strerror or error}; nothing was written. '
            'Fix: free or mount the disk, or correct its permissions'
        ) from error
    return ConversionSummary(
        path=path,
        num_images=loaded.packed.num_images,
        num_garments=loaded.packed.num_items,
        megabytes=_num_bytes(path, loaded.packed) / 1e6,
        seconds=time.perf_counter() - start,
        from_cache=loaded.from_cache,
    )


def _check_options(conversion: Conversion, source: AnnotationSource) -> None:
    to, out = conversion.to, conversion.out
    if to not in FORMS:
        raise DatasetError(f'{to}: no such form. Fix: give one of {", ".join(FORMS)}')
    is_coco = to.startswith('coco')
    if conversion.visible_only and not is_coco:
        raise DatasetError(
            f'--visible-only leaves occluded landmarks out, and {to} has no file for that. '
            'Fix: write coco or coco-compact'
        )
    if conversion.workers is not None and conversion.workers < 1:
        raise DatasetError(f'--workers is {conversion.workers}. Fix: give 1 or more')
    if to == 'records':
        return
    if out is None:
        raise DatasetError(f'{to} needs a place to write to. Fix: give --out')
    if is_coco and not out.name.endswith(_COCO_SUFFIXES):
        raise DatasetError(f'{out}: a COCO file ends in .json or .json.gz. Fix: name it so')
    _refuse_source(out, conversion.source, source)
    refuse_existing(out, conversion.overwrite)


def _refuse_source(out: Path, given: Path, source: AnnotationSource) -> None:
    """Refuse a place that is, holds or lies inside what is read; links are followed."""
    place, annotations = out.resolve(), (source.annotations or source.image_folder).resolve()
    for path in (given.resolve(), annotations, source.image_folder.resolve()):
        if place == path:
            raise DatasetError(f'{out}: is the source itself. Fix: write to another place')
        if place in path.parents:
            raise DatasetError(f'{out}: holds the source {path}. Fix: write to another place')
        above = path in annotations.parents  # a folder for more than annotations, or photos
        if path in place.parents and not above:
            raise DatasetError(f'{out}: lies inside the source {path}. Fix: write beside it')


def _load(conversion: Conversion, source: AnnotationSource) -> LoadedAnnotations:
    cache: str | os.PathLike[str] = 'auto'
    if conversion.to == 'records' and conversion.out is not None:
        cache = conversion.out
    return load_packed(
        source,
        on_problem=conversion.on_problem,
        cache=cache,
        verify=conversion.verify,
        workers=conversion.workers,
        progress=conversion.progress,
    )


def _write(
    conversion: Conversion, source: AnnotationSource, loaded: LoadedAnnotations
) -> Path | None:
    packed, out = loaded.packed, conversion.out
    if conversion.to == 'records' or out is None:
        if out is not None and loaded.cache_file is None:
            raise DatasetError(f'{out}: the records were not kept, see above. Fix: make room there')
        return loaded.cache_file
    schema = get_schema(conversion.schema)
    options = {'overwrite': conversion.overwrite, 'progress': conversion.progress}
    if conversion.to == 'native':
        _refuse_loss(packed, source, conversion.allow_loss)
        write_native(out, packed, schema, **options)
    else:
        layout: Literal['dense', 'compact'] = 'dense' if conversion.to == 'coco' else 'compact'
        write_coco(out, packed, schema, layout, conversion.visible_only, **options)
    return out


def _refuse_loss(packed: PackedRecords, source: AnnotationSource, allowed: bool) -> None:
    reader = source.reader()
    losses = native_losses(packed, own_ids=isinstance(reader, CocoReader))
    if isinstance(reader, NativeReader) and (count := _num_lone_sources(packed, reader)):
        losses.append(f'source or pair_id of {count} photos without garments')
    if losses and not allowed:
        raise DatasetError(
            f'native files cannot hold {"; ".join(losses)}. Fix: write coco or coco-compact, or '
            'accept the loss with --allow-loss'
        )


def _num_lone_sources(packed: PackedRecords, reader: NativeReader) -> int:
    """Photos without a garment whose file has source or pair_id, which records do not hold."""
    empty = np.flatnonzero(np.diff(packed.item_offsets) == 0).tolist()
    contents = (
        json.loads(reader.annotation_file(packed.file_name(image)).read_bytes()) for image in empty
    )
    return sum(bool(content.get('source') or content.get('pair_id')) for content in contents)


def _num_bytes(path: Path | None, packed: PackedRecords) -> int:
    if path is None:
        return packed.num_bytes
    if path.is_dir():
        return sum(entry.stat().st_size for entry in os.scandir(path))
    return path.stat().st_size
