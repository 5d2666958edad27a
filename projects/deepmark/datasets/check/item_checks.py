# SPDX-License-Identifier: Apache-2.0
"""Checks of garments on the packed arrays, beyond those that decide whether one can be used.

Legend: I images, N garments, P landmarks of all garments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from deepmark.datasets.attribute_levels import ATTRIBUTE_LEVELS, UNKNOWN_LEVEL
from deepmark.datasets.check.findings import CheckKind, Findings, Place
from deepmark.datasets.records import ATTRIBUTES, PackedRecords

Mask = npt.NDArray[np.bool_]
Boxes = npt.NDArray[np.float32]
MARGIN, MARGIN_PIXELS = 0.1, 2.0
"""A box is enlarged on each side by a tenth of its width or height, and by 2 pixels at least."""
_LEVELS = len(next(iter(ATTRIBUTE_LEVELS.values())))


@dataclass(frozen=True)
class Garments:
    """The garments under check and where they stand in the files.

    Args:
        packed: finite numbers only.
        locate: file and key of a garment, by its index.
        box_key: what a box is called in the files.
        landmark_key: what the landmarks are called.
    """

    packed: PackedRecords
    locate: Callable[[int], tuple[str, str]]
    box_key: str
    landmark_key: str

    @cached_property
    def landmark_items(self) -> npt.NDArray[np.int64]:
        """(P,) garment of each landmark."""
        return self.packed.keypoint_items

    @cached_property
    def labelled(self) -> Mask:
        """(P,) landmarks with v > 0."""
        return np.asarray(self.packed.keypoints[:, 2] > 0)

    @cached_property
    def num_labelled(self) -> npt.NDArray[np.int64]:
        """(N,) labelled landmarks of each garment."""
        items = self.landmark_items[self.labelled]
        return np.bincount(items, minlength=self.packed.num_items)

    def place(self, item: int, key: str = '', detail: str = '') -> Place:
        """A place inside a garment."""
        file, item_key = self.locate(item)
        return Place(file, f'{item_key}.{key}' if key else item_key, detail)


def check_items(garments: Garments, findings: Findings) -> None:
    """Note garments without landmarks, stray landmarks, duplicates and odd attributes."""
    bare = np.flatnonzero(garments.num_labelled == 0)
    places = (garments.place(item, garments.landmark_key) for item in bare.tolist())
    findings.add(CheckKind.NO_LANDMARKS, len(bare), places)
    _check_landmarks(garments, findings)
    _check_duplicates(garments, findings)
    _check_attributes(garments, findings)


def enlarged(boxes: Boxes) -> Boxes:
    """(N, 4) x1 y1 x2 y2 with the margin around.

    Example:
        >>> enlarged(np.array([[0, 0, 100, 10]], np.float32)).tolist()
        [[-10.0, -2.0, 110.0, 12.0]]
    """
    margin = np.maximum(MARGIN * (boxes[:, 2:] - boxes[:, :2]), MARGIN_PIXELS)
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)


def _check_landmarks(garments: Garments, findings: Findings) -> None:
    x, y = garments.packed.keypoints[:, 0], garments.packed.keypoints[:, 1]
    origin = garments.labelled & (x == 0) & (y == 0)
    _note_landmarks(garments, findings, CheckKind.LANDMARK_AT_ORIGIN, origin)
    boxes = enlarged(garments.packed.bboxes)
    x1, y1, x2, y2 = boxes[garments.landmark_items].T
    outside = garments.labelled & ~origin & ((x < x1) | (x > x2) | (y < y1) | (y > y2))
    _note_landmarks(garments, findings, CheckKind.LANDMARK_OUTSIDE_BOX, outside)


def _note_landmarks(garments: Garments, findings: Findings, kind: CheckKind, bad: Mask) -> None:
    """Note each garment that has a bad landmark, with the first one and their number."""
    rows = np.flatnonzero(bad)
    items, first, counts = np.unique(
        garments.landmark_items[rows], return_index=True, return_counts=True
    )
    packed = garments.packed

    def places() -> Iterator[Place]:
        for item, row, count in zip(items.tolist(), rows[first].tolist(), counts, strict=True):
            number = row - int(packed.keypoint_offsets[item]) + 1
            x, y = packed.keypoints[row, :2].tolist()
            detail = f'{count} of them, the first is landmark {number} at ({x:g}, {y:g})'
            detail += f'; box x1 y1 x2 y2 = {box_text(packed.bboxes[item])}'
            yield garments.place(item, garments.landmark_key, detail)

    note = f'{len(rows)} landmarks in {len(items)} garments'
    findings.add(kind, len(items), places(), note)


def _check_duplicates(garments: Garments, findings: Findings) -> None:
    """Same image, same category, and the same box or the same labelled landmarks."""
    packed = garments.packed
    groups = packed.item_images * (int(packed.labels.max(initial=0)) + 1) + packed.labels
    _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    seen: dict[tuple[int, str, bytes], int] = {}
    places = []
    for item in np.flatnonzero(counts[inverse] > 1).tolist():
        start, end = packed.keypoint_offsets[item : item + 2].tolist()
        values = {'box': packed.bboxes[item].tobytes()}
        if garments.num_labelled[item]:
            values['landmarks'] = packed.keypoints[start:end].tobytes()
        twins = {name: seen.setdefault((int(groups[item]), name, value), item)
                 for name, value in values.items()}  # fmt: skip
        equal = [name for name, twin in twins.items() if twin != item]
        if equal:
            other = garments.locate(twins[equal[0]])[1]
            places.append(garments.place(item, detail=f'same {" and ".join(equal)} as {other}'))
    findings.add(CheckKind.DUPLICATE_ITEM, len(places), places)


def _check_attributes(garments: Garments, findings: Findings) -> None:
    packed = garments.packed
    values = packed.attributes[:, [ATTRIBUTES.index(name) for name in ATTRIBUTE_LEVELS]]
    absent = values == UNKNOWN_LEVEL
    _note_attributes(garments, findings, CheckKind.ATTRIBUTE_RANGE, values > _LEVELS)
    _note_attributes(garments, findings, CheckKind.ATTRIBUTE_ABSENT, absent)
    style = packed.attributes[:, ATTRIBUTES.index('style')]
    for kind, bad, key in (
        (CheckKind.STYLE_ABSENT, style == 0, 'style'),
        (CheckKind.PAIR_ABSENT, packed.pair_ids == 0, 'pair_id'),
    ):
        items = np.flatnonzero(bad)
        places = (garments.place(item, key) for item in items.tolist())
        findings.add(kind, len(items), places, _share(len(items), packed.num_items))


def _note_attributes(garments: Garments, findings: Findings, kind: CheckKind, bad: Mask) -> None:
    """Note garments by their bad attributes, ``bad`` (N, 4); absent everywhere is only an info."""
    names = list(ATTRIBUTE_LEVELS)
    items = np.flatnonzero(bad.any(axis=1))

    def places() -> Iterator[Place]:
        for item in items.tolist():
            values = garments.packed.attributes[item].tolist()
            found = [names[column] for column in np.flatnonzero(bad[item])]
            detail = ', '.join(f'{name} {values[ATTRIBUTES.index(name)]}' for name in found)
            yield garments.place(item, found[0], detail)

    everywhere = bool(bad.all()) and kind is CheckKind.ATTRIBUTE_ABSENT
    note = _share(len(items), garments.packed.num_items)
    findings.add(kind, len(items), places(), note, 'info' if everywhere else None)


def _share(count: int, total: int) -> str:
    return f'{count} of {total} garments'


def box_text(box: Boxes) -> str:
    """Four numbers for a message.

    Example:
        >>> box_text(np.array([1, 2.5, 3, 4], np.float32))
        '1, 2.5, 3, 4'
    """
    return ', '.join(f'{value:g}' for value in box.tolist())
