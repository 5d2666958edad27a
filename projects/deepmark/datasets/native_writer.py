# SPDX-License-Identifier: Apache-2.0
"""Packed records to DeepFashion2's own tree: one JSON file for each photo.

The files know no image id, image size, annotation id, ``iscrowd`` and ``area``: reading them again
takes the id from the file name, the size from the photo, numbers the annotations from 1 in the
order of the file names, and takes the area of the box. :func:`native_losses` says where that
differs from what is written.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from deepmark.atomic_write import refuse_existing
from deepmark.datasets.coco_writer import check_finite, polygon_lists
from deepmark.datasets.image_size import image_ids_of
from deepmark.datasets.native_items import ITEM_KEY
from deepmark.datasets.problems import DatasetError
from deepmark.datasets.records import ATTRIBUTES, PackedRecords
from deepmark.datasets.shortest_decimals import number_list, shortest_decimals
from deepmark.progress import show_progress
from deepmark.schema import LandmarkSchema, get_schema

_FLOAT32_STEP = float(np.finfo(np.float32).eps)


def write_native(
    folder: str | os.PathLike[str],
    packed: PackedRecords,
    schema: LandmarkSchema | str | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> None:
    """Write ``<folder>/<stem of the photo>.json`` for every image.

    The files are written into a temporary folder beside it, which is then moved.

    Args:
        folder: the new folder, by custom called ``annos``, beside the photos in ``image``.
        packed: what to write.
        schema: categories and landmarks.
        overwrite: replace an existing folder, if it holds nothing but annotations of this form.
        progress: show a bar on stderr.

    Raises:
        DatasetError: two photos have the same stem, a number is not finite, or the existing folder
            holds something else.
        FileExistsError: the folder exists and ``overwrite`` is false.
    """
    target = Path(folder)
    _check_target(target, overwrite)
    _check_files(target)
    check_finite(packed)
    stems = _stems(packed)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='.writing-', dir=target.parent) as working:
        new = Path(working) / 'new'
        new.mkdir()
        contents = _contents(packed, get_schema(schema))
        files = show_progress(zip(stems, contents, strict=True), 'writing', len(stems), progress)
        for stem, content in files:
            (new / f'{stem}.json').write_bytes(msgspec.json.encode(content))
        _check_target(target, overwrite)
        _replace_folder(new, target, old=Path(working) / 'old')


def _replace_folder(new: Path, target: Path, old: Path) -> None:
    """Rename ``new`` to ``target``; what stands there becomes ``old``, or stays after an error."""
    existing = target.exists()
    if existing:
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        if existing:
            old.rename(target)
        raise


def native_losses(packed: PackedRecords, own_ids: bool = False) -> list[str]:
    """What the native files cannot hold of these records, in words; empty when nothing is lost.

    Args:
        packed: what would be written.
        own_ids: the annotation ids stand in a file, so that another numbering is a loss.
    """
    names = [packed.file_name(image) for image in range(packed.num_images)]
    order = np.argsort(names, kind='stable') if names else np.zeros(0, np.int64)
    expected = np.zeros(len(names), np.int64)
    expected[order] = image_ids_of([names[image] for image in order.tolist()])
    findings = [
        (int(packed.ignore_flags.sum()), 'garments with iscrowd = 1'),
        (int(_foreign_areas(packed).sum()), 'areas that are not that of the box'),
        (_num_mixed(packed), 'images whose garments differ in source or pair_id'),
        (int((expected != packed.image_ids).sum()), 'image ids that are not the file name'),
        (_num_other_ids(packed, order) if own_ids else 0, 'annotation ids that are renumbered'),
        (sum('/' in name for name in names), 'images in subfolders'),
    ]
    return [f'{count} {what}' for count, what in findings if count]


def _num_other_ids(packed: PackedRecords, order: npt.NDArray[np.int64]) -> int:
    """Garments not numbered from 1 in this order of the images."""
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    rows = np.argsort(rank[packed.item_images], kind='stable')
    return int((packed.annotation_ids[rows] != np.arange(1, len(rows) + 1)).sum())


def _foreign_areas(packed: PackedRecords) -> npt.NDArray[np.bool_]:
    """(N,) true where ``area`` is not width x height, allowing for the rounding to float32."""
    boxes = packed.bboxes.astype(np.float64)
    sizes, reach = boxes[:, 2:] - boxes[:, :2], np.abs(boxes[:, 2:]) + np.abs(boxes[:, :2])
    area = sizes.prod(axis=1)
    rounding = np.abs(area) + (reach * np.abs(sizes[:, ::-1])).sum(axis=1)
    foreign: npt.NDArray[np.bool_] = np.abs(packed.areas - area) > _FLOAT32_STEP * rounding
    return foreign


def _num_mixed(packed: PackedRecords) -> int:
    """Images with garments of more than one source or pair."""
    images = packed.item_images
    same_image = images[1:] == images[:-1]
    differs = np.diff(packed.pair_ids).astype(bool) | (packed.sources[1:] != packed.sources[:-1])
    return len(np.unique(images[1:][same_image & differs]))


def _contents(packed: PackedRecords, schema: LandmarkSchema) -> Iterator[dict[str, Any]]:
    for start, end in pairwise(packed.item_offsets.tolist()):
        content: dict[str, Any] = {'source': '', 'pair_id': 0}
        if end > start:
            content['source'] = packed.source_names[packed.sources[start]]
            content['pair_id'] = int(packed.pair_ids[start])
        for number, item in enumerate(_items(packed, schema, start, end), 1):
            content[f'item{number}'] = item
        yield content


def _items(
    packed: PackedRecords, schema: LandmarkSchema, start: int, end: int
) -> Iterator[dict[str, Any]]:
    points = packed.keypoint_offsets[start : end + 1]
    decimals = shortest_decimals(packed.keypoints[points[0] : points[-1]])
    points = points - points[0]
    boxes = shortest_decimals(packed.bboxes[start:end])
    polygons = polygon_lists(packed, start, end)
    for row, label in enumerate(packed.labels[start:end].tolist()):
        category = schema.categories[label]
        attributes = packed.attributes[start + row].tolist()
        yield {
            'category_id': category.category_id,
            'category_name': category.name,
            'bounding_box': number_list(boxes[row]),
            'landmarks': number_list(decimals[points[row] : points[row + 1]].ravel()),
            'segmentation': polygons[row],
            **dict(zip(ATTRIBUTES, attributes, strict=True)),
        }


def _stems(packed: PackedRecords) -> list[str]:
    """Name of each file; DatasetError where two images would share one."""
    owners: dict[str, str] = {}
    for image in range(packed.num_images):
        name = packed.file_name(image)
        stem = PurePosixPath(name).stem
        if stem in owners or not stem:
            raise DatasetError(
                f'{name}: {stem}.json is the file of {owners.get(stem, "no image")} as well. '
                'Fix: give every photo a stem of its own, or write COCO'
            )
        owners[stem] = name
    return list(owners)


def _check_target(target: Path, overwrite: bool) -> None:
    refuse_existing(target, overwrite)
    if not target.exists():
        return
    if not target.is_dir():
        raise DatasetError(f'{target}: is a file. Fix: name a folder for the native files')
    other = next((path for path in target.iterdir() if path.suffix != '.json'), None)
    if other is not None:
        raise DatasetError(
            f'{target}: holds {other.name}, which is no annotation file; the folder is not '
            'replaced. Fix: name another folder'
        )


def _check_files(target: Path) -> None:
    """Refuse to replace a folder with JSON of another kind, COCO files above all."""
    other = next((path for path in target.glob('*.json') if not _is_native(path)), None)
    if other is not None:
        raise DatasetError(
            f"{target}: {other.name} is none of DeepFashion2's own annotation files; the folder is "
            'not replaced. Fix: name another folder'
        )


def _is_native(path: Path) -> bool:
    """Whether a file is an object with items, or with nothing but source and pair."""
    try:
        keys = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw]).keys()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False
    if keys & {'images', 'annotations'}:
        return False
    return any(map(ITEM_KEY.fullmatch, keys)) or keys <= {'source', 'pair_id'}
