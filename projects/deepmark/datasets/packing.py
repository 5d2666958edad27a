# SPDX-License-Identifier: Apache-2.0
"""From what a reader found in the files to :class:`PackedRecords`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from deepmark.datasets.problems import Problem
from deepmark.datasets.records import ATTRIBUTES, PackedRecords, check_num_sources, offsets_of


@dataclass
class ItemRow:
    """One garment as read.

    Args:
        label: 0 .. C - 1.
        bbox: x1 y1 x2 y2 in pixels.
        keypoints: (K_c, 3) float32 x, y, v of its own category.
        polygons: each (V, 2) float32 x, y.
        attributes: in the order of :data:`ATTRIBUTES`, 0 unknown.
        position: number of the item (native) or index of the annotation (COCO), for messages.
    """

    label: int
    bbox: tuple[float, float, float, float]
    keypoints: npt.NDArray[np.float32]
    position: int
    area: float = 0.0
    ignore: bool = False
    attributes: tuple[int, ...] = (0,) * len(ATTRIBUTES)
    pair_id: int = 0
    source: str = ''
    annotation_id: int = 0
    polygons: list[npt.NDArray[np.float32]] = field(default_factory=list)


@dataclass
class ImageRow:
    """One image as read; ``file_name`` is relative to the image folder."""

    file_name: str
    image_id: int
    width: int
    height: int
    items: list[ItemRow] = field(default_factory=list)


class ImagesRead(NamedTuple):
    """What a reader found in the files of some images.

    Args:
        images: the usable ones.
        problems: what is wrong with the files.
        digests: digests of the annotation files, one after the other.
    """

    images: list[ImageRow]
    problems: list[Problem]
    digests: bytes = b''


class ReadResult(NamedTuple):
    """What a reader returns.

    Args:
        packed: all images and garments that could be read; their values are not checked yet.
        positions: (N,) number of the item (native) or index of the annotation (COCO) of each
            garment, for messages.
    """

    packed: PackedRecords
    positions: npt.NDArray[np.int32]


def read_result(images: list[ImageRow]) -> ReadResult:
    """Pack rows, with the positions of their garments."""
    return ReadResult(pack(images), item_positions(images))


def pack(images: list[ImageRow]) -> PackedRecords:
    """Pack rows in their order.

    Raises:
        TooManySourcesError: see :func:`~deepmark.datasets.records.check_num_sources`.
    """
    items = [item for image in images for item in image.items]
    polygons = [polygon for item in items for polygon in item.polygons]
    names = [image.file_name.encode('utf-8') for image in images]
    source_names = tuple(dict.fromkeys(['', *(item.source for item in items)]))
    check_num_sources(len(source_names))
    source_index = {name: index for index, name in enumerate(source_names)}
    return PackedRecords(
        file_names=np.frombuffer(b''.join(names), dtype=np.uint8),
        file_name_offsets=offsets_of([len(name) for name in names]),
        image_ids=_array([image.image_id for image in images], np.int64),
        image_wh=_array([(image.width, image.height) for image in images], np.int32, 2),
        item_offsets=offsets_of([len(image.items) for image in images]),
        bboxes=_array([item.bbox for item in items], np.float32, 4),
        areas=_array([item.area for item in items], np.float32),
        labels=_array([item.label for item in items], np.int16),
        ignore_flags=_array([item.ignore for item in items], np.bool_),
        attributes=_array([item.attributes for item in items], np.int16, len(ATTRIBUTES)),
        pair_ids=_array([item.pair_id for item in items], np.int64),
        sources=_array([source_index[item.source] for item in items], np.uint16),
        annotation_ids=_array([item.annotation_id for item in items], np.int64),
        keypoint_offsets=offsets_of([len(item.keypoints) for item in items]),
        keypoints=_joined([item.keypoints for item in items], 3),
        polygon_offsets=offsets_of([len(item.polygons) for item in items]),
        vertex_offsets=offsets_of([len(polygon) for polygon in polygons]),
        vertices=_joined(polygons, 2),
        source_names=source_names,
    )


def item_positions(images: list[ImageRow]) -> npt.NDArray[np.int32]:
    """(N,) :attr:`ItemRow.position` in packed order."""
    return _array([item.position for image in images for item in image.items], np.int32)


def _array(values: list[Any], dtype: npt.DTypeLike, columns: int = 0) -> npt.NDArray[Any]:
    array = np.array(values, dtype=dtype)
    return array.reshape(-1, columns) if columns else array


def _joined(parts: list[npt.NDArray[np.float32]], columns: int) -> npt.NDArray[np.float32]:
    if not parts:
        return np.zeros((0, columns), dtype=np.float32)
    return np.concatenate(parts).astype(np.float32, copy=False)
