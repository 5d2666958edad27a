# SPDX-License-Identifier: Apache-2.0
"""The quick way through an annotation file of DeepFashion2 in which nothing is unusual.

Nearly all files are of this kind. For any other one there is None instead of an answer, and
:mod:`deepmark.datasets.native_reader` looks at it key by key, to say what is wrong with it.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
import numpy as np

from deepmark.datasets.item_parsing import is_name_of
from deepmark.datasets.packing import ItemRow
from deepmark.schema import LandmarkSchema

MAX_POSITION = 2**31 - 1
ITEM_KEY = re.compile(r'item(\d+)')
_Attribute = Annotated[int, msgspec.Meta(ge=0, lt=2**15)]


class _Item(msgspec.Struct):
    """A garment; attributes stand in the order of :data:`~deepmark.datasets.records.ATTRIBUTES`."""

    category_id: int
    bounding_box: tuple[float, float, float, float]
    landmarks: list[float]
    scale: _Attribute = 0
    occlusion: _Attribute = 0
    zoom_in: _Attribute = 0
    viewpoint: _Attribute = 0
    style: _Attribute = 0
    segmentation: list[list[float]] | None = None
    category_name: str | None = None


_DECODER = msgspec.json.Decoder(dict[str, _Item | str | int | float | bool | None])


class PlainFiles:
    """Reads files of one schema."""

    def __init__(self, schema: LandmarkSchema) -> None:
        self._schema = schema
        self._labels = {c.category_id: label for label, c in enumerate(schema.categories)}
        self._counts = schema.num_keypoints.tolist()
        self._names: dict[tuple[str, int], bool] = {}

    def parse(self, data: bytes) -> list[ItemRow] | None:
        """The garments of a file in its order; None when it needs a closer look."""
        try:
            content = _DECODER.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        found = [(m, value) for key, value in content.items() if (m := ITEM_KEY.fullmatch(key))]
        numbers = [int(match[1]) for match, _ in found]
        pair_id, source = content.get('pair_id', 0), content.get('source', '')
        if 1 not in numbers or type(pair_id) is not int or not isinstance(source, str):
            return None
        if abs(pair_id) > 2**62:
            return None
        rows = []
        for number, (_, item) in zip(numbers, found, strict=True):
            row = self._row(item, number) if isinstance(item, _Item) else None
            if row is None:
                return None
            row.pair_id, row.source = pair_id, source
            rows.append(row)
        return rows

    def _row(self, item: _Item, number: int) -> ItemRow | None:
        label = self._labels.get(item.category_id)
        if label is None or len(item.landmarks) != 3 * self._counts[label]:
            return None
        if item.category_name is not None and not self._is_name(item.category_name, label):
            return None
        if any(len(polygon) % 2 for polygon in item.segmentation or ()):
            return None
        x1, y1, x2, y2 = np.array(item.bounding_box, np.float32).tolist()
        return ItemRow(
            label=label,
            bbox=(x1, y1, x2, y2),
            keypoints=np.array(item.landmarks, np.float32).reshape(-1, 3),
            position=min(number, MAX_POSITION),
            area=(x2 - x1) * (y2 - y1),
            attributes=(item.scale, item.occlusion, item.zoom_in, item.viewpoint, item.style),
            polygons=[np.array(p, np.float32).reshape(-1, 2) for p in item.segmentation or ()],
        )

    def _is_name(self, name: str, label: int) -> bool:
        if (name, label) not in self._names:
            self._names[name, label] = is_name_of(name, label, self._schema)
        return self._names[name, label]
