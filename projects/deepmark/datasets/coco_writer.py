# SPDX-License-Identifier: Apache-2.0
"""Packed records to a COCO file, one entry a line, written as a stream.

Two layouts:

* ``dense``: the official challenge layout, x, y, v for the slots of all categories (294);
* ``compact``: only the garment's own landmarks, a quarter of the bytes; every category lists its
  own landmarks and skeleton.

Numbers are the shortest decimals that give back the float32 of the arrays, so that reading the
file again gives the same arrays, bit by bit.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import IO, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from deepmark.atomic_write import atomic_write
from deepmark.datasets.problems import DatasetError
from deepmark.datasets.records import ATTRIBUTES, PackedRecords
from deepmark.datasets.shortest_decimals import number_list, shortest_decimals, subtract_decimals
from deepmark.progress import show_progress
from deepmark.schema import LandmarkSchema, get_schema

Layout = Literal['dense', 'compact']
FloatArray = npt.NDArray[np.float64]

_GARMENTS_AT_ONCE = 2000
_DESCRIPTION = 'DeepFashion2 annotations: boxes, landmarks, polygons and attributes of garments'


def write_coco(
    path: str | os.PathLike[str],
    packed: PackedRecords,
    schema: LandmarkSchema | str | None = None,
    layout: Layout = 'dense',
    visible_only: bool = False,
    overwrite: bool = False,
    progress: bool = False,
) -> None:
    """Write all images and garments.

    Args:
        path: the file, ``.json``, or ``.json.gz`` to have it gzipped.
        packed: what to write.
        schema: categories and landmarks.
        layout: ``'dense'`` or ``'compact'``.
        visible_only: write occluded landmarks (v = 1) as 0 0 0, as in the ground truth of the
            evaluation of visible landmarks.
        overwrite: replace an existing file.
        progress: show a bar on stderr.

    Raises:
        DatasetError: a number is not finite, or a box would not come back from x y w h.
        FileExistsError: the file exists and ``overwrite`` is false.
    """
    schema = get_schema(schema)
    check_finite(packed)
    columns = _Columns(packed, schema, layout, visible_only)
    info = {
        'description': _DESCRIPTION,
        'schema': schema.name,
        'layout': layout,
        'visible_only': visible_only,
    }
    with atomic_write(path, overwrite) as plain, _packing(plain, path) as file:
        file.write(b'{"info": ' + msgspec.json.encode(info))
        file.write(b',\n"licenses": []')
        _write_list(file, 'categories', category_entries(schema, layout))
        _write_list(file, 'images', _image_entries(packed))
        entries = show_progress(columns.entries(), 'writing', packed.num_items, progress)
        _write_list(file, 'annotations', entries)
        file.write(b'}\n')


def category_entries(schema: LandmarkSchema, layout: Layout) -> list[dict[str, Any]]:
    """The list ``categories``: landmarks by number, and (compact) the skeleton counted from 1."""
    entries: list[dict[str, Any]] = []
    for category in schema.categories:
        names, skeleton = [str(slot + 1) for slot in range(schema.num_slots)], []
        if layout == 'compact':
            names = list(category.keypoint_names)
            skeleton = [[first + 1, second + 1] for first, second in category.skeleton]
        entries.append(
            {
                'id': category.category_id,
                'name': category.name,
                'supercategory': 'clothes',
                'keypoints': names,
                'skeleton': skeleton,
            }
        )
    return entries


def boxes_xywh(boxes_xyxy: npt.NDArray[np.float32]) -> FloatArray:
    """(N, 4) x y w h such that x + w and y + h, in float64, round to the given x2 and y2.

    Raises:
        DatasetError: no such size exists (a corner many orders of magnitude nearer to 0 than the
            opposite one).
    """
    corners = shortest_decimals(boxes_xyxy)
    first, second = corners[:, :2], corners[:, 2:]
    sizes = subtract_decimals(second, first)
    wrong = (first + sizes).astype(np.float32) != boxes_xyxy[:, 2:]
    sizes[wrong] = (boxes_xyxy[:, 2:].astype(np.float64) - first)[wrong]
    wrong = (first + sizes).astype(np.float32) != boxes_xyxy[:, 2:]
    if wrong.any():
        row = int(np.flatnonzero(wrong.any(axis=1))[0])
        raise DatasetError(
            f'garment {row}: box {boxes_xyxy[row].tolist()} cannot be written as x y w h without '
            'loss. Fix: give pixels, not fractions of a pixel'
        )
    return np.hstack([first, sizes])


def check_finite(packed: PackedRecords) -> None:
    """Refuse NaN and infinity, which JSON does not have; DatasetError names array and row."""
    for name in ('bboxes', 'areas', 'keypoints', 'vertices'):
        values: npt.NDArray[np.float32] = getattr(packed, name)
        finite = np.isfinite(values)
        if not finite.all():
            row = int(np.argwhere(~finite)[0, 0])
            raise DatasetError(
                f'{name}[{row}]: {values[row].tolist()} is not finite, and JSON has no such '
                'number. Fix: correct it in the source'
            )


class _Columns:
    """Entries of the list ``annotations``, made block by block."""

    def __init__(
        self, packed: PackedRecords, schema: LandmarkSchema, layout: Layout, visible_only: bool
    ) -> None:
        self.packed, self.schema = packed, schema
        self.visible_only = visible_only
        self.image_ids = np.repeat(packed.image_ids, np.diff(packed.item_offsets))
        self.category_ids = np.array(schema.category_ids)
        offsets = schema.slot_offsets
        before, after = offsets[:-1], offsets[-1] - offsets[1:]
        if layout == 'compact':
            before = after = np.zeros_like(before)
        self.margins = [
            (b'0,' * (3 * int(front)), b',0' * (3 * int(back)))
            for front, back in zip(before, after, strict=True)
        ]

    def entries(self) -> Iterator[dict[str, Any]]:
        """All garments, by image."""
        for start in range(0, self.packed.num_items, _GARMENTS_AT_ONCE):
            yield from self._block(start, min(start + _GARMENTS_AT_ONCE, self.packed.num_items))

    def _block(self, start: int, end: int) -> Iterator[dict[str, Any]]:
        packed, rows = self.packed, slice(start, end)
        columns: dict[str, list[Any]] = {
            'id': packed.annotation_ids[rows].tolist(),
            'image_id': self.image_ids[rows].tolist(),
            'category_id': self.category_ids[packed.labels[rows]].tolist(),
            'bbox': [number_list(box) for box in boxes_xywh(packed.bboxes[rows])],
            'area': [_plain(area) for area in shortest_decimals(packed.areas[rows]).tolist()],
            'iscrowd': packed.ignore_flags[rows].astype(int).tolist(),
            **self._landmarks(start, end),
            'segmentation': polygon_lists(packed, start, end),
            'pair_id': packed.pair_ids[rows].tolist(),
            'source': [packed.source_names[number] for number in packed.sources[rows].tolist()],
        }
        for name, values in zip(ATTRIBUTES, packed.attributes[rows].T.tolist(), strict=True):
            columns[name] = values
        for values in zip(*columns.values(), strict=True):
            yield dict(zip(columns, values, strict=True))

    def _landmarks(self, start: int, end: int) -> dict[str, list[Any]]:
        bounds = self.packed.keypoint_offsets[start : end + 1]
        points = shortest_decimals(self.packed.keypoints[bounds[0] : bounds[-1]])
        if self.visible_only:
            points[points[:, 2] == 1] = 0
        bounds = bounds - bounds[0]
        labelled = np.concatenate([[0], np.cumsum(points[:, 2] > 0)])[bounds]
        labels = self.packed.labels[start:end].tolist()
        lists = []
        for label, (first, last) in zip(labels, pairwise(bounds.tolist()), strict=True):
            front, back = self.margins[label]
            own = bytes(number_list(points[first:last].ravel()))
            lists.append(msgspec.Raw(b'[' + front + own[1:-1] + back + b']'))
        return {'num_keypoints': np.diff(labelled).tolist(), 'keypoints': lists}


def polygon_lists(packed: PackedRecords, start: int, end: int) -> list[list[msgspec.Raw]]:
    """For each garment ``start .. end - 1`` its polygons as flat JSON lists."""
    garments = packed.polygon_offsets[start : end + 1]
    bounds = packed.vertex_offsets[garments[0] : garments[-1] + 1]
    vertices = shortest_decimals(packed.vertices[bounds[0] : bounds[-1]])
    texts = [
        number_list(vertices[first:last].ravel())
        for first, last in pairwise((bounds - bounds[0]).tolist())
    ]
    return [texts[first:last] for first, last in pairwise((garments - garments[0]).tolist())]


def _image_entries(packed: PackedRecords) -> Iterator[dict[str, Any]]:
    ids, sizes = packed.image_ids.tolist(), packed.image_wh.tolist()
    for number, (image_id, (width, height)) in enumerate(zip(ids, sizes, strict=True)):
        name = packed.file_name(number)
        yield {'id': image_id, 'file_name': name, 'width': width, 'height': height}


def _packing(file: IO[bytes], path: str | os.PathLike[str]) -> AbstractContextManager[IO[bytes]]:
    """The file itself, or what gzips into it; equal content gives equal bytes (no time in it)."""
    if not str(path).endswith('.gz'):
        return nullcontext(file)
    return gzip.GzipFile('', 'wb', compresslevel=6, fileobj=file, mtime=0)  # type: ignore[return-value]


def _write_list(file: IO[bytes], key: str, entries: Iterable[dict[str, Any]]) -> None:
    file.write(f',\n"{key}": ['.encode())
    for number, entry in enumerate(entries):
        file.write((b',\n' if number else b'\n') + msgspec.json.encode(entry))
    file.write(b'\n]')


def _plain(value: float) -> int | float:
    return int(value) if value.is_integer() else value
