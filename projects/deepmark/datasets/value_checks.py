# SPDX-License-Identifier: Apache-2.0
"""Checks of the numbers of a whole data set at once, on the packed arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from deepmark.datasets.image_size import is_utf8
from deepmark.datasets.problems import Kind, Problems
from deepmark.datasets.records import PackedRecords

Mask = npt.NDArray[np.bool_]
Locate = Callable[[int], tuple[str, str]]


def check_values(
    packed: PackedRecords, problems: Problems, locate: Locate, keys: tuple[str, str]
) -> Mask:
    """Note what is wrong with boxes, landmarks, areas, polygons and sources.

    Args:
        packed: the arrays.
        problems: receives the findings.
        locate: file and key of a garment, by its index.
        keys: what boxes and landmarks are called in the files.

    Returns:
        (N,) true for the garments that can be used. Boxes and landmarks that reach outside the
        image are kept as they are, so that the truth of an evaluation is that of the file.
    """
    check = _Checks(packed, problems, locate, keys)
    usable = check.numbers() & check.visibilities()
    usable &= check.polygons() & check.sources()
    usable &= check.box_sizes(usable)
    usable &= check.box_positions(usable)
    usable &= check.areas(usable)
    check.landmark_positions(usable)
    return usable


class _Checks:
    def __init__(
        self, packed: PackedRecords, problems: Problems, locate: Locate, keys: tuple[str, str]
    ) -> None:
        self.packed, self.problems, self.locate = packed, problems, locate
        self.box_key, self.landmark_key = keys
        self.wh = packed.image_wh[packed.item_images]

    def numbers(self) -> Mask:
        """(N,) true where all numbers are finite."""
        box_ok: Mask = np.all(np.isfinite(self.packed.bboxes), axis=1)
        self._note_boxes(Kind.NOT_FINITE, ~box_ok)
        bad: Mask = ~np.all(np.isfinite(self.packed.keypoints), axis=1)
        return box_ok & ~self._note_landmarks(Kind.NOT_FINITE, bad)

    def visibilities(self) -> Mask:
        """(N,) true where each v is 0, 1 or 2."""
        visibility = self.packed.keypoints[:, 2]
        bad = np.isfinite(visibility) & ~np.isin(visibility, (0, 1, 2))
        return ~self._note_landmarks(Kind.VISIBILITY, bad)

    def polygons(self) -> Mask:
        """(N,) true where all vertices are finite."""
        packed = self.packed
        good = np.ones(packed.num_items, dtype=np.bool_)
        rows = np.flatnonzero(~np.isfinite(packed.vertices).all(axis=1))
        polygons = np.unique(np.searchsorted(packed.vertex_offsets, rows, side='right') - 1)
        items = np.searchsorted(packed.polygon_offsets, polygons, side='right') - 1
        for item, polygon in zip(items.tolist(), polygons.tolist(), strict=True):
            number = polygon - int(packed.polygon_offsets[item])
            self._note(Kind.NOT_FINITE, item, f'segmentation[{number}]')
        good[items] = False
        return good

    def sources(self) -> Mask:
        """(N,) true where the source is text that can be written."""
        names = self.packed.source_names
        broken = [index for index, name in enumerate(names) if not is_utf8(name)]
        good: Mask = ~np.isin(self.packed.sources, broken)
        for item in np.flatnonzero(~good).tolist():
            name = names[int(self.packed.sources[item])]
            self._note(Kind.MISSING_KEY, item, 'source', f'{name!r} is no Unicode text')
        return good

    def areas(self, usable: Mask) -> Mask:
        """(N,) true where the area is finite and not negative."""
        areas = self.packed.areas
        finite: Mask = np.isfinite(areas)
        good: Mask = finite & (areas >= 0)
        for item in np.flatnonzero(~good & usable).tolist():
            kind = Kind.NEGATIVE_AREA if finite[item] else Kind.NOT_FINITE
            self._note(kind, item, 'area', f'{areas[item]:g}')
        return good

    def box_sizes(self, usable: Mask) -> Mask:
        """(N,) true where the box has a positive size."""
        x1, y1, x2, y2 = self.packed.bboxes.T
        good: Mask = (x2 > x1) & (y2 > y1)
        self._note_boxes(Kind.DEGENERATE_BOX, ~good & usable)
        return good

    def box_positions(self, usable: Mask) -> Mask:
        """(N,) true where the box meets the image."""
        x1, y1, x2, y2 = self.packed.bboxes.T
        width, height = self.wh.T
        meets: Mask = (x1 < width) & (y1 < height) & (x2 > 0) & (y2 > 0)
        inside: Mask = (x1 >= 0) & (y1 >= 0) & (x2 <= width) & (y2 <= height)
        self._note_boxes(Kind.BOX_OFF_IMAGE, ~meets & usable)
        self._note_boxes(Kind.BOX_OUTSIDE, meets & ~inside & usable)
        return meets

    def landmark_positions(self, usable: Mask) -> None:
        """Note labelled landmarks outside the image."""
        items = self.packed.keypoint_items
        x, y, visibility = self.packed.keypoints.T
        width, height = self.wh[items].T
        outside = (x < 0) | (y < 0) | (x > width) | (y > height)
        self._note_landmarks(Kind.LANDMARK_OUTSIDE, outside & (visibility > 0) & usable[items])

    def _note(self, kind: Kind, item: int, key: str, detail: str = '') -> None:
        file, item_key = self.locate(item)
        self.problems.add(kind, file, f'{item_key}.{key}', detail)

    def _note_boxes(self, kind: Kind, bad: Mask) -> None:
        for item in np.flatnonzero(bad).tolist():
            file, key = self.locate(item)
            width, height = self.wh[item].tolist()
            box = ', '.join(f'{value:g}' for value in self.packed.bboxes[item].tolist())
            detail = f'x1 y1 x2 y2 = {box}; image {width} x {height}'
            self.problems.add(kind, file, f'{key}.{self.box_key}', detail)

    def _note_landmarks(self, kind: Kind, bad: Mask) -> Mask:
        """Note the first bad landmark of each garment; (N,) true for garments that have one."""
        rows = np.flatnonzero(bad)
        items, first = np.unique(self.packed.keypoint_items[rows], return_index=True)
        for item, row in zip(items.tolist(), rows[first].tolist(), strict=True):
            file, key = self.locate(item)
            number = row - int(self.packed.keypoint_offsets[item]) + 1
            values = ', '.join(f'{value:g}' for value in self.packed.keypoints[row].tolist())
            width, height = self.wh[item].tolist()
            detail = f'landmark {number}: {values}; image {width} x {height}'
            self.problems.add(kind, file, f'{key}.{self.landmark_key}', detail)
        affected = np.zeros(self.packed.num_items, dtype=np.bool_)
        affected[items] = True
        return affected
