# SPDX-License-Identifier: Apache-2.0
"""The values of one garment, checked as far as one can without its neighbours.

Used by both readers: the files differ in names and layout, not in meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from deepmark.datasets.problems import Kind
from deepmark.datasets.records import ATTRIBUTES
from deepmark.schema import LandmarkSchema, SchemaError

_UNSET = object()
NON_FINITE = ('NaN', 'Infinity', '-Infinity')
"""Numbers that JSON does not know; the COCO reader has put them between quotes."""


class ItemError(ValueError):
    """A garment that cannot be used; carries the kind, the key and the details."""

    def __init__(self, kind: Kind, key: str, detail: str = '') -> None:
        super().__init__(f'{key}: {kind.title} ({detail})')
        self.kind, self.key, self.detail = kind, key, detail


def required(item: Mapping[str, Any], key: str) -> Any:
    """``item[key]``; ItemError when it is missing."""
    value = item.get(key, _UNSET)
    if value is _UNSET:
        raise ItemError(Kind.MISSING_KEY, key, 'missing')
    return value


def whole_number(item: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """An integer under a key; ItemError when it is missing (without a default) or no integer."""
    value = required(item, key) if default is None else item.get(key, default)
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None or number != value or abs(number) > 2**62:
        raise ItemError(Kind.MISSING_KEY, key, f'{value!r} is not a whole number')
    return number


def parse_label(item: Mapping[str, Any], schema: LandmarkSchema) -> int:
    """Label of an item; its ``category_name``, if there is one, must say the same."""
    category_id = whole_number(item, 'category_id')
    try:
        label = schema.label_of(category_id)
    except SchemaError as error:
        raise ItemError(Kind.UNKNOWN_CATEGORY, 'category_id', str(error)) from error
    name = item.get('category_name')
    if name is not None and not is_name_of(str(name), label, schema):
        detail = f'{name!r}, but category {category_id} is {schema.class_names[label]!r}'
        raise ItemError(Kind.CATEGORY_NAME, 'category_name', detail)
    return label


def is_name_of(name: str, label: int, schema: LandmarkSchema) -> bool:
    """Whether a name or alias belongs to the category with this label."""
    try:
        return schema.label_of_name(name) == label
    except SchemaError:
        return False


def numbers(values: object, key: str) -> npt.NDArray[np.float32]:
    """A flat float32 array; ItemError unless ``values`` is a flat list of numbers."""
    if isinstance(values, list) and (
        texts := [v for v in values if isinstance(v, str) and v not in NON_FINITE]
    ):
        raise ItemError(Kind.MISSING_KEY, key, f'{texts[0]!r} is text, not a number')
    try:
        array = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise ItemError(Kind.MISSING_KEY, key, f'not a list of numbers: {error}') from error
    if array.ndim != 1:
        raise ItemError(Kind.MISSING_KEY, key, 'not a flat list of numbers')
    return array


def parse_box(values: object, key: str) -> tuple[float, float, float, float]:
    """Four numbers in the order of the file."""
    box = numbers(values, key)
    if len(box) != 4:
        raise ItemError(Kind.MISSING_KEY, key, f'{len(box)} numbers, a box has 4')
    first, second, third, fourth = box.tolist()
    return first, second, third, fourth


def parse_own_landmarks(
    values: object, key: str, label: int, schema: LandmarkSchema
) -> npt.NDArray[np.float32]:
    """(K_c, 3) x, y, v from the category's own list of landmarks."""
    flat = numbers(values, key)
    expected = int(schema.num_keypoints[label])
    if len(flat) != 3 * expected:
        raise ItemError(Kind.LANDMARK_COUNT, key, _count_detail(len(flat), label, schema))
    return flat.reshape(expected, 3)


def parse_slot_landmarks(
    values: object, key: str, label: int, schema: LandmarkSchema
) -> tuple[npt.NDArray[np.float32], int]:
    """(K_c, 3) x, y, v from the dense layout, or from an own list, told apart by the length.

    Returns:
        The landmarks, and how many are labelled in the slots of other categories.
    """
    flat = numbers(values, key)
    if len(flat) != 3 * schema.num_slots:
        return parse_own_landmarks(flat, key, label, schema), 0
    dense = flat.reshape(-1, 3)
    own = dense[schema.slot_offsets[label] : schema.slot_offsets[label + 1]]
    foreign = np.count_nonzero(dense[:, 2]) - np.count_nonzero(own[:, 2])
    return own.copy(), int(foreign)


def parse_polygons(values: object, key: str) -> list[npt.NDArray[np.float32]]:
    """Each polygon as (V, 2); run-length masks have none."""
    if values is None or isinstance(values, Mapping):
        return []
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise ItemError(Kind.MISSING_KEY, key, 'not a list of polygons')
    polygons = [numbers(polygon, f'{key}[{index}]') for index, polygon in enumerate(values)]
    for index, polygon in enumerate(polygons):
        if len(polygon) % 2:
            raise ItemError(Kind.MISSING_KEY, f'{key}[{index}]', f'{len(polygon)} numbers')
    return [polygon.reshape(-1, 2) for polygon in polygons]


def parse_attributes(item: Mapping[str, Any]) -> tuple[int, ...]:
    """Scale, occlusion, zoom_in, viewpoint, style; 0 where the file has none."""
    values = tuple(whole_number(item, name, 0) for name in ATTRIBUTES)
    for name, value in zip(ATTRIBUTES, values, strict=True):
        if not 0 <= value < 2**15:
            raise ItemError(Kind.MISSING_KEY, name, f'{value} is not 0 .. {2**15 - 1}')
    return values


def _count_detail(length: int, label: int, schema: LandmarkSchema) -> str:
    category = schema.categories[label]
    found = str(length // 3) if length % 3 == 0 else f'{length} numbers, not a multiple of 3'
    return (
        f"{found}, but category {category.category_id} '{category.name}' has "
        f'{category.num_keypoints}'
    )
