# SPDX-License-Identifier: Apache-2.0
"""Garments added one by one to flat columns, then packed: 312,186 rows need no 312,186 objects."""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt

from deepmark.datasets.packing import ImageRow, ItemRow, ReadResult
from deepmark.datasets.records import ATTRIBUTES, PackedRecords, check_num_sources, offsets_of

_NO_SOURCE = 0


class ItemColumns:
    """Collects garments in any order of their images.

    Example:
        >>> columns = ItemColumns()
        >>> landmarks = np.ones((8, 3), np.float32)
        >>> columns.add(1, ItemRow(8, (0, 0, 9, 9), landmarks, position=0))
        >>> columns.add(0, ItemRow(8, (1, 2, 3, 4), landmarks, position=1))
        >>> images = [ImageRow('a.jpg', 1, 80, 70), ImageRow('b.jpg', 2, 80, 70)]
        >>> result = columns.pack(images)
        >>> result.positions.tolist(), result.packed.bboxes[0].tolist()
        ([1, 0], [1.0, 2.0, 3.0, 4.0])
    """

    def __init__(self) -> None:
        self._images, self._positions = array('q'), array('i')
        self._boxes, self._areas = array('d'), array('d')
        self._labels, self._ignore, self._attributes = array('h'), array('b'), array('h')
        self._pair_ids, self._annotation_ids = array('q'), array('q')
        self._sources: dict[str, int] = {'': _NO_SOURCE}
        self._source_rows = array('H')
        self._keypoints, self._keypoint_counts = bytearray(), array('i')
        self._vertices, self._vertex_counts = bytearray(), array('i')
        self._polygon_counts = array('i')

    def add(self, image: int, item: ItemRow) -> None:
        """Append one garment of the image with this index.

        Raises:
            TooManySourcesError: see :func:`~deepmark.datasets.records.check_num_sources`.
        """
        self._images.append(image)
        self._positions.append(item.position)
        self._boxes.extend(item.bbox)
        self._areas.append(item.area)
        self._labels.append(item.label)
        self._ignore.append(item.ignore)
        self._attributes.extend(item.attributes)
        self._pair_ids.append(item.pair_id)
        self._annotation_ids.append(item.annotation_id)
        self._source_rows.append(self._source_index(item.source))
        self._keypoints += item.keypoints.tobytes()
        self._keypoint_counts.append(len(item.keypoints))
        self._polygon_counts.append(len(item.polygons))
        for polygon in item.polygons:
            self._vertices += polygon.tobytes()
            self._vertex_counts.append(len(polygon))

    def pack(self, images: list[ImageRow]) -> ReadResult:
        """All garments, ordered by image and, inside an image, as they were added."""
        item_images = np.array(self._images, np.int64)
        order = np.argsort(item_images, kind='stable')
        polygon_counts = np.array(self._polygon_counts, np.int64)
        polygon_order = _ragged_rows(polygon_counts, order)
        vertex_counts = np.array(self._vertex_counts, np.int64)
        keypoint_counts = np.array(self._keypoint_counts, np.int64)
        keypoints = np.frombuffer(self._keypoints, np.float32).reshape(-1, 3)
        vertices = np.frombuffer(self._vertices, np.float32).reshape(-1, 2)
        names = [image.file_name.encode('utf-8') for image in images]
        with np.errstate(over='ignore'):  # beyond float32 is infinity, which the checks report
            boxes = np.array(self._boxes, np.float64).astype(np.float32).reshape(-1, 4)
            areas = np.array(self._areas, np.float64).astype(np.float32)
        packed = PackedRecords(
            file_names=np.frombuffer(b''.join(names), np.uint8),
            file_name_offsets=offsets_of([len(name) for name in names]),
            image_ids=np.array([image.image_id for image in images], np.int64),
            image_wh=np.array([(i.width, i.height) for i in images], np.int32).reshape(-1, 2),
            item_offsets=offsets_of(np.bincount(item_images, minlength=len(images))),
            bboxes=boxes[order],
            areas=areas[order],
            labels=np.array(self._labels, np.int16)[order],
            ignore_flags=np.array(self._ignore, np.bool_)[order],
            attributes=np.array(self._attributes, np.int16).reshape(-1, len(ATTRIBUTES))[order],
            pair_ids=np.array(self._pair_ids, np.int64)[order],
            sources=np.array(self._source_rows, np.uint16)[order],
            annotation_ids=np.array(self._annotation_ids, np.int64)[order],
            keypoint_offsets=offsets_of(keypoint_counts[order]),
            keypoints=keypoints[_ragged_rows(keypoint_counts, order)],
            polygon_offsets=offsets_of(polygon_counts[order]),
            vertex_offsets=offsets_of(vertex_counts[polygon_order]),
            vertices=vertices[_ragged_rows(vertex_counts, polygon_order)],
            source_names=tuple(self._sources),
        )
        return ReadResult(packed, np.array(self._positions, np.int32)[order])

    def _source_index(self, source: str) -> int:
        index = self._sources.setdefault(source, len(self._sources))
        check_num_sources(index + 1)
        return index


def _ragged_rows(
    lengths: npt.NDArray[np.int64], order: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Rows of ragged data whose parts (with these lengths) are put into this order.

    Example:
        >>> _ragged_rows(np.array([2, 3]), np.array([1, 0])).tolist()
        [2, 3, 4, 0, 1]
    """
    ordered = lengths[order]
    shift = offsets_of(lengths)[:-1][order] - offsets_of(ordered)[:-1]
    rows: npt.NDArray[np.int64] = np.arange(ordered.sum()) + np.repeat(shift, ordered)
    return rows
