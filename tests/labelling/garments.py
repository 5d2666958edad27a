# SPDX-License-Identifier: Apache-2.0
"""Small sets of annotations, written by hand or drawn by hypothesis."""

from __future__ import annotations

import string
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from deepmark.datasets.packing import ImageRow, ItemRow, pack
from deepmark.datasets.records import PackedRecords
from deepmark.schema import DEEPFASHION2, Category, LandmarkSchema

SHOES = LandmarkSchema(
    'shoes',
    [
        Category(
            'low <shoe>',
            3,
            3,
            (),
            ((0, 1), (1, 2)),
            (0.1,) * 3,
            keypoint_names=('toe "a"', 'b', 'c'),
        ),
        Category('boot', 7, 1, (), (), (0.1,), keypoint_names=('heel',)),
    ],
)


def keypoints_of(label: int, schema: LandmarkSchema = DEEPFASHION2) -> np.ndarray:
    """Landmark k (from 0) at (12 + k, 25 + k / 2), in turn visible, occluded, not labelled."""
    count = int(schema.num_keypoints[label])
    k = np.arange(count, dtype=np.float32)
    rows = np.column_stack([12 + k, 25 + k / 2, 2 - k % 3]).astype(np.float32)
    rows[rows[:, 2] == 0] = 0
    return rows


def one_garment(label: int = 8, **changes: object) -> PackedRecords:
    """A skirt (label 8) on the image 000007.jpg of 80 x 60 pixels."""
    item = ItemRow(
        label=label,
        bbox=(10.0, 20.0, 50.0, 58.5),
        keypoints=keypoints_of(label),
        position=0,
        area=40 * 38.5,
        attributes=(2, 1, 3, 2, 4),
        pair_id=7,
        source='shop',
        annotation_id=1,
    )
    return pack([ImageRow('000007.jpg', 7, 80, 60, [replace(item, **changes)])])  # type: ignore


coordinates = st.floats(-2000, 4000, width=32).map(lambda value: value + 0.0)  # no -0.0
texts = st.text(string.ascii_letters + string.digits + ' <>&"\'é', min_size=0, max_size=8)


@st.composite
def garments(draw: st.DrawFn, position: int) -> ItemRow:
    """A garment of any category; its area is that of its box, as everything imported has it."""
    label = draw(st.integers(0, DEEPFASHION2.num_categories - 1))
    count = int(DEEPFASHION2.num_keypoints[label])
    seen = draw(st.lists(st.sampled_from([0, 1, 2]), min_size=count, max_size=count))
    spots = draw(st.lists(coordinates, min_size=2 * count, max_size=2 * count))
    keypoints = np.column_stack([np.array(spots).reshape(-1, 2), seen]).astype(np.float32)
    keypoints[keypoints[:, 2] == 0] = 0
    x, y = draw(coordinates), draw(coordinates)
    width, height = (draw(st.floats(1, 1000, width=32)) for _ in range(2))
    box = tuple(float(np.float32(v)) for v in (x, y, x + width, y + height))
    levels = tuple(draw(st.integers(0, 3)) for _ in range(4))
    return ItemRow(
        label=label,
        bbox=box,  # type: ignore[arg-type]
        keypoints=keypoints,
        position=position,
        area=(box[2] - box[0]) * (box[3] - box[1]),
        ignore=draw(st.booleans()),
        attributes=(*levels, draw(st.integers(0, 2**15 - 1))),
        pair_id=draw(st.integers(0, 2**53)),
        source=draw(texts),
        annotation_id=position + 1,
    )


@st.composite
def packed_records(draw: st.DrawFn) -> PackedRecords:
    """Up to three images of up to three garments, numbered as the importers number them."""
    images, position = [], 0
    for number in range(1, draw(st.integers(1, 3)) + 1):
        items = []
        for _ in range(draw(st.integers(0, 3))):
            items.append(draw(garments(position)))
            position += 1
        size = draw(st.integers(1, 5000)), draw(st.integers(1, 5000))
        images.append(ImageRow(f'{number:06d}.jpg', number, *size, items))
    return pack(images)


def assert_equal(first: PackedRecords, second: PackedRecords, pixels: float = 0.0) -> None:
    """The same images and garments; coordinates to ``pixels``."""
    assert first.source_names == second.source_names
    exact = first.arrays()
    for name, array in second.arrays().items():
        if pixels and name == 'areas':
            continue  # follows from the box
        if pixels and name in ('bboxes', 'keypoints'):
            np.testing.assert_allclose(array, exact[name], rtol=0, atol=pixels, err_msg=name)
        else:
            np.testing.assert_array_equal(array, exact[name], err_msg=name)
