# SPDX-License-Identifier: Apache-2.0
"""One annotation of a COCO file, in two ways that give the same garment.

The quick way decodes into typed structures and takes what is as it should be, which is nearly
everything. The careful way takes what is unusual (a number with a fraction
of 0) and says what is wrong with the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from deepmark.datasets.item_parsing import (
    NON_FINITE,
    ItemError,
    is_name_of,
    parse_attributes,
    parse_box,
    parse_label,
    parse_polygons,
    parse_slot_landmarks,
    required,
    whole_number,
)
from deepmark.datasets.packing import ItemRow
from deepmark.datasets.problems import Kind
from deepmark.schema import LandmarkSchema

_Number = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
_Attribute = Annotated[int, msgspec.Meta(ge=0, lt=2**15)]
_Array = npt.NDArray[np.float32]
_Numbers = list[int | float]  # faster than list[float]: nearly all are 0


class _Annotation(msgspec.Struct, gc=False):
    image_id: _Number
    category_id: int
    bbox: tuple[float, float, float, float]
    keypoints: _Numbers | None = None
    id: _Number | msgspec.UnsetType = msgspec.UNSET
    category_name: str | None = None
    area: float | None = None
    iscrowd: Literal[0, 1] | bool = 0
    segmentation: list[_Numbers] | dict[str, Any] | None = None
    scale: _Attribute = 0
    occlusion: _Attribute = 0
    zoom_in: _Attribute = 0
    viewpoint: _Attribute = 0
    style: _Attribute = 0
    pair_id: _Number = 0
    source: str = ''


class AnnotationRow(NamedTuple):
    """A garment, its image's id, and what is to be said of its landmarks.

    Attributes:
        image_id: of its image.
        item: the garment.
        num_foreign: how many landmarks of other categories are labelled.
        is_bare: the annotation has no ``keypoints``, and is no crowd, which has none anyway.
    """

    image_id: int
    item: ItemRow
    num_foreign: int
    is_bare: bool


class CocoAnnotationParser:
    """Turns JSON text of annotations into garments.

    Args:
        schema: categories and landmarks.
    """

    def __init__(self, schema: LandmarkSchema) -> None:
        self.schema = schema
        self._decoder = msgspec.json.Decoder(_Annotation)
        self._labels = {number: label for label, number in enumerate(schema.category_ids)}
        self._bounds = (3 * schema.slot_offsets).tolist()

    def quick(self, text: msgspec.Raw, index: int) -> AnnotationRow | None:
        """The garment, or None when the careful way has to look at it."""
        try:
            entry = self._decoder.decode(text)
            label = self._labels[entry.category_id]
            own, num_foreign = self._own_landmarks(entry.keypoints or self._bare(label), label)
            polygons = _polygons(entry.segmentation)
        except (msgspec.DecodeError, KeyError, ValueError, OverflowError):
            return None
        name = entry.category_name
        if name is not None and not is_name_of(name, label, self.schema):
            return None
        x, y, width, height = entry.bbox
        item = ItemRow(
            label=label,
            bbox=(x, y, x + width, y + height),
            keypoints=own,
            position=index,
            area=width * height if entry.area is None else entry.area,
            ignore=bool(entry.iscrowd),
            attributes=(entry.scale, entry.occlusion, entry.zoom_in, entry.viewpoint, entry.style),
            pair_id=entry.pair_id,
            source=entry.source,
            annotation_id=index + 1 if entry.id is msgspec.UNSET else entry.id,
            polygons=polygons,
        )
        return AnnotationRow(
            entry.image_id, item, num_foreign, not entry.keypoints and not entry.iscrowd
        )

    def careful(self, annotation: Mapping[str, Any], index: int) -> AnnotationRow:
        """The garment of a decoded annotation.

        Raises:
            ItemError: what is wrong with it.
        """
        label = parse_label(annotation, self.schema)
        values = annotation.get('keypoints')
        is_bare = values is None or values == []
        landmarks, num_foreign = parse_slot_landmarks(
            self._bare(label) if is_bare else values, 'keypoints', label, self.schema
        )
        box = required(annotation, 'bbox')
        parse_box(box, 'bbox')
        x, y, width, height = np.asarray(box, np.float64).tolist()
        item = ItemRow(
            label=label,
            bbox=(x, y, x + width, y + height),
            keypoints=landmarks,
            position=index,
            area=_area(annotation, width * height),
            ignore=_is_crowd(annotation),
            attributes=parse_attributes(annotation),
            pair_id=whole_number(annotation, 'pair_id', 0),
            source=str(annotation.get('source') or ''),
            annotation_id=whole_number(annotation, 'id', index + 1),
            polygons=parse_polygons(annotation.get('segmentation'), 'segmentation'),
        )
        image_id = whole_number(annotation, 'image_id')
        return AnnotationRow(image_id, item, num_foreign, is_bare and not item.ignore)

    def _bare(self, label: int) -> _Numbers:
        """Landmarks of an annotation that has none: not one is labelled."""
        return [0] * (3 * int(self.schema.num_keypoints[label]))

    def _own_landmarks(self, values: _Numbers, label: int) -> tuple[_Array, int]:
        """(K_c, 3) of a dense or an own list; ValueError for a list of another length."""
        start, stop = self._bounds[label : label + 2]
        num_foreign = 0
        if len(values) == self._bounds[-1]:
            for others in (values[2:start:3], values[stop + 2 :: 3]):
                if any(others):
                    num_foreign += len(others) - others.count(0)
            values = values[start:stop]
        if len(values) != stop - start:
            raise ValueError(f'{len(values)} numbers')
        return np.array(values, np.float32).reshape(-1, 3), num_foreign


def _area(annotation: Mapping[str, Any], of_box: float) -> float:
    value = annotation.get('area')
    if value is None:
        return of_box
    if isinstance(value, int | float) or value in NON_FINITE:
        return float(value)
    raise ItemError(Kind.MISSING_KEY, 'area', f'{value!r} is not a number')


def _is_crowd(annotation: Mapping[str, Any]) -> bool:
    value = whole_number(annotation, 'iscrowd', 0)
    if value not in (0, 1):
        raise ItemError(Kind.MISSING_KEY, 'iscrowd', f'{value} is not 0 or 1')
    return bool(value)


def entry_mapping(text: msgspec.Raw) -> Mapping[str, Any]:
    """Any entry of a list as a mapping; ItemError when it is something else."""
    try:
        entry = msgspec.json.decode(text)
    except msgspec.DecodeError:
        entry = _decode_as_python(text)
    if not isinstance(entry, Mapping):
        raise ItemError(Kind.MISSING_KEY, '', f'a {type(entry).__name__}, not an object')
    return entry


def _decode_as_python(text: msgspec.Raw) -> Any:
    """With numbers beyond float64, which msgspec refuses."""
    try:
        return json.loads(bytes(text))
    except ValueError as error:
        raise ItemError(Kind.MISSING_KEY, '', f'not readable: {error}') from error


def _polygons(segmentation: list[_Numbers] | dict[str, Any] | None) -> list[_Array]:
    """(V, 2) each; none of a run-length mask; ValueError for an odd length."""
    if not isinstance(segmentation, list):
        return []
    return [np.array(polygon, np.float32).reshape(-1, 2) for polygon in segmentation]
