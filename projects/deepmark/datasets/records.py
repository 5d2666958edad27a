# SPDX-License-Identifier: Apache-2.0
"""Annotations of a whole data set as packed arrays, and records made from them on demand.

A list of dicts costs about 1 kB a garment and is copied into every worker; these arrays take the
bytes of their numbers, are never written to after packing, and are shared by forked workers.

Legend: I images, N garments, P landmarks of all garments together (each garment has only its own
category's), Q polygons, V vertices. Coordinates are original image pixels.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt

from deepmark.datasets.problems import DatasetError

IntArray = npt.NDArray[np.int64]
ATTRIBUTES = ('scale', 'occlusion', 'zoom_in', 'viewpoint', 'style')
MAX_SOURCES = 2**16


class TooManySourcesError(DatasetError):
    """More different texts under ``source`` than can be told apart."""


class Origin(Protocol):
    """Where arrays are memory-mapped from; small enough to be pickled in their place."""

    def open(self) -> PackedRecords:
        """Map them again."""


@dataclass(frozen=True)
class PackedRecords:
    """All images and garments of one data set; garments of image i are ``item_offsets[i:i + 2]``.

    Records that come from a file are pickled as its name: a spawned worker maps the same file.

    Args:
        file_names: (bytes of all file names one after the other,) uint8, UTF-8.
        file_name_offsets: (I + 1,) where each name begins.
        image_ids: (I,) numbers of the images.
        image_wh: (I, 2) int32 width, height.
        item_offsets: (I + 1,) first garment of each image.
        bboxes: (N, 4) float32 x1 y1 x2 y2.
        areas: (N,) float32, the file's own ``area``, else that of the box.
        labels: (N,) int16, 0 .. C - 1.
        ignore_flags: (N,) bool, COCO's ``iscrowd``.
        attributes: (N, 5) int16 in the order of :data:`ATTRIBUTES`, 0 where the file has none.
        pair_ids: (N,) int64, 0 where the file has none.
        sources: (N,) uint16, index into ``source_names``.
        annotation_ids: (N,) int64.
        keypoint_offsets: (N + 1,) first landmark of each garment.
        keypoints: (P, 3) float32 x, y, v with v 0 not labelled, 1 occluded, 2 visible.
        polygon_offsets: (N + 1,) first polygon of each garment.
        vertex_offsets: (Q + 1,) first vertex of each polygon.
        vertices: (V, 2) float32 x, y.
        source_names: texts that ``sources`` points to.
    """

    file_names: npt.NDArray[np.uint8]
    file_name_offsets: IntArray
    image_ids: IntArray
    image_wh: npt.NDArray[np.int32]
    item_offsets: IntArray
    bboxes: npt.NDArray[np.float32]
    areas: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int16]
    ignore_flags: npt.NDArray[np.bool_]
    attributes: npt.NDArray[np.int16]
    pair_ids: IntArray
    sources: npt.NDArray[np.uint16]
    annotation_ids: IntArray
    keypoint_offsets: IntArray
    keypoints: npt.NDArray[np.float32]
    polygon_offsets: IntArray
    vertex_offsets: IntArray
    vertices: npt.NDArray[np.float32]
    source_names: tuple[str, ...] = ('',)
    origin: Origin | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for array in self.arrays().values():
            array.setflags(write=False)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.origin is not None:
            return _reopen, (self.origin,)
        return PackedRecords, (*self.arrays().values(), self.source_names)

    @classmethod
    def concatenate(cls, parts: Sequence[PackedRecords]) -> PackedRecords:
        """The images of all parts (at least one), one part after the other.

        Raises:
            TooManySourcesError: more than :data:`MAX_SOURCES` texts in all parts together.
        """
        source_names = tuple(dict.fromkeys(name for part in parts for name in part.source_names))
        check_num_sources(len(source_names))
        columns: dict[str, npt.NDArray[Any]] = {}
        for name in parts[0].arrays():
            values = [getattr(part, name) for part in parts]
            if name == 'sources':
                values = [_sources_in(part, source_names) for part in parts]
            join = _join_offsets if name.endswith('_offsets') else np.concatenate
            columns[name] = join(values)
        return cls(**columns, source_names=source_names)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All arrays by name, in the order of the arguments."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}

    @property
    def num_images(self) -> int:
        """I."""
        return len(self.image_ids)

    @property
    def num_items(self) -> int:
        """N."""
        return len(self.labels)

    @property
    def num_bytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays().values())

    @property
    def item_images(self) -> IntArray:
        """(N,) index of the image of each garment."""
        return np.repeat(np.arange(self.num_images), np.diff(self.item_offsets))

    @property
    def keypoint_items(self) -> IntArray:
        """(P,) index of the garment of each landmark."""
        return np.repeat(np.arange(self.num_items), np.diff(self.keypoint_offsets))

    def file_name(self, image: int) -> str:
        """File name of an image, relative to the image folder."""
        start, end = self.file_name_offsets[image : image + 2].tolist()
        return self.file_names[start:end].tobytes().decode('utf-8')

    def file_name_list(self) -> list[str]:
        """File names of all images."""
        data = self.file_names.tobytes()
        bounds = self.file_name_offsets.tolist()
        return [data[start:end].decode('utf-8') for start, end in pairwise(bounds)]

    def keep_items(self, keep: npt.NDArray[np.bool_]) -> PackedRecords:
        """The same images with only the garments for which ``keep`` (N,) is true."""
        if keep.all():
            return self
        keypoint_rows = np.repeat(keep, np.diff(self.keypoint_offsets))
        polygon_rows = np.repeat(keep, np.diff(self.polygon_offsets))
        vertex_rows = np.repeat(polygon_rows, np.diff(self.vertex_offsets))
        per_image = np.bincount(self.item_images[keep], minlength=self.num_images)
        return replace(
            self,
            item_offsets=offsets_of(per_image),
            bboxes=self.bboxes[keep],
            areas=self.areas[keep],
            labels=self.labels[keep],
            ignore_flags=self.ignore_flags[keep],
            attributes=self.attributes[keep],
            pair_ids=self.pair_ids[keep],
            sources=self.sources[keep],
            annotation_ids=self.annotation_ids[keep],
            keypoint_offsets=offsets_of(np.diff(self.keypoint_offsets)[keep]),
            keypoints=self.keypoints[keypoint_rows],
            polygon_offsets=offsets_of(np.diff(self.polygon_offsets)[keep]),
            vertex_offsets=offsets_of(np.diff(self.vertex_offsets)[polygon_rows]),
            vertices=self.vertices[vertex_rows],
        )


class RecordView(Sequence[dict[str, Any]]):
    """A selection of images, each turned into mmdet's record dict when asked for.

    Args:
        packed: the arrays; shared between all views, also by ``copy.deepcopy``.
        image_prefix: folder in front of the file names.
        images: (n,) indices of the images to show; all of them by default.
        with_polygons: put the polygons under ``mask``.
    """

    def __init__(
        self,
        packed: PackedRecords,
        image_prefix: str = '',
        images: npt.ArrayLike | None = None,
        with_polygons: bool = False,
    ) -> None:
        self.packed = packed
        self.image_prefix = image_prefix
        self.with_polygons = with_polygons
        every = np.arange(packed.num_images)
        self.images: IntArray = every if images is None else np.asarray(images, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.images)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> RecordView: ...

    def __getitem__(self, index: int | slice) -> dict[str, Any] | RecordView:
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        return self._record(int(self.images[index]))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self._record(image) for image in self.images.tolist())

    def __deepcopy__(self, memo: dict[int, Any]) -> RecordView:
        return self.take(np.arange(len(self)))

    def take(self, positions: npt.ArrayLike) -> RecordView:
        """A view of the images at these positions (negative ones count from the end)."""
        chosen = self.images[np.asarray(positions, dtype=np.int64)]
        return RecordView(self.packed, self.image_prefix, chosen, self.with_polygons)

    def labels(self, position: int) -> list[int]:
        """Labels of the garments of one image, without making its record."""
        image = int(self.images[position])
        start, end = self.packed.item_offsets[image : image + 2].tolist()
        return self.packed.labels[start:end].tolist()  # type: ignore[no-any-return]

    def _record(self, image: int) -> dict[str, Any]:
        packed = self.packed
        start, end = packed.item_offsets[image : image + 2].tolist()
        width, height = packed.image_wh[image].tolist()
        name = packed.file_name(image)
        return {
            'img_path': os.path.join(self.image_prefix, name),
            'img_id': int(packed.image_ids[image]),
            'height': height,
            'width': width,
            'instances': self._instances(start, end),
        }

    def _instances(self, start: int, end: int) -> list[dict[str, Any]]:
        packed, items = self.packed, slice(start, end)
        bounds = packed.keypoint_offsets[start : end + 1].tolist()
        columns: dict[str, list[Any]] = {
            'bbox': packed.bboxes[items].tolist(),
            'bbox_label': packed.labels[items].tolist(),
            'ignore_flag': packed.ignore_flags[items].astype(int).tolist(),
            'area': packed.areas[items].tolist(),
            'keypoints': [packed.keypoints[a:b].copy() for a, b in pairwise(bounds)],
            'attributes': [
                dict(zip(ATTRIBUTES, values, strict=True))
                for values in packed.attributes[items].tolist()
            ],
            'pair_id': packed.pair_ids[items].tolist(),
            'source': [packed.source_names[source] for source in packed.sources[items].tolist()],
            'annotation_id': packed.annotation_ids[items].tolist(),
        }
        if self.with_polygons:
            columns['mask'] = [self._polygons(item) for item in range(start, end)]
        rows = zip(*columns.values(), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def _polygons(self, item: int) -> list[list[float]]:
        packed = self.packed
        first, last = packed.polygon_offsets[item : item + 2].tolist()
        bounds = packed.vertex_offsets[first : last + 1].tolist()
        return [packed.vertices[begin:end].ravel().tolist() for begin, end in pairwise(bounds)]


def offsets_of(lengths: npt.ArrayLike) -> IntArray:
    """(n + 1,) offsets of rows with these (n,) lengths.

    Example:
        >>> offsets_of([2, 0, 3]).tolist()
        [0, 2, 2, 5]
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])


def _join_offsets(parts: Sequence[IntArray]) -> IntArray:
    """Offsets of the rows of all parts: each part begins where the one before ends."""
    starts = offsets_of([int(part[-1]) for part in parts])
    joined = [part[:-1] + start for part, start in zip(parts, starts.tolist(), strict=False)]
    return np.concatenate([*joined, starts[-1:]])


def check_num_sources(count: int) -> None:
    """Raise TooManySourcesError when there are more texts than ``sources`` can point to."""
    if count > MAX_SOURCES:
        raise TooManySourcesError(
            f'source: more than {MAX_SOURCES - 1} different texts. Fix: name there where photos '
            'come from (shop, user), not each photo'
        )


def _sources_in(part: PackedRecords, source_names: tuple[str, ...]) -> npt.NDArray[np.uint16]:
    """``part.sources`` as indices into other names, which hold all of its own."""
    numbers = {name: number for number, name in enumerate(source_names)}
    new = np.array([numbers[name] for name in part.source_names], dtype=np.uint16)
    return new[part.sources]


def _reopen(origin: Origin) -> PackedRecords:
    return origin.open()
