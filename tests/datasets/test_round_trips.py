# SPDX-License-Identifier: Apache-2.0
"""From any form to any other and back, bit by bit."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deepmark.datasets.coco_reader import CocoReader
from deepmark.datasets.coco_writer import Layout, write_coco
from deepmark.datasets.native_reader import NativeReader
from deepmark.datasets.native_writer import native_losses, write_native
from deepmark.datasets.packing import ImageRow, ItemRow, pack
from deepmark.datasets.problems import Kind, Problems
from deepmark.datasets.records import PackedRecords
from deepmark.schema import DEEPFASHION2

SIZE = (80, 70)
COORDINATES = st.one_of(
    st.integers(-50, 5000).map(float),
    st.integers(-5_000, 500_000).map(lambda number: number / 100),
    st.floats(2**-10, 2**14, width=32),
)
FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
ROUND_TRIP = settings(max_examples=40, deadline=None)


@st.composite
def items(draw: st.DrawFn) -> ItemRow:
    """A garment of any category."""
    label = draw(st.integers(0, DEEPFASHION2.num_categories - 1))
    count = int(DEEPFASHION2.num_keypoints[label])
    seed = draw(st.integers(0, 2**32 - 1))
    points = np.random.default_rng(seed).uniform(-9, 999, (count, 2)).round(seed % 4)
    visibility = np.random.default_rng(seed).integers(0, 3, (count, 1))
    if draw(st.booleans()):
        points[0] = draw(COORDINATES), draw(FLOAT32)
    polygons = draw(st.lists(st.lists(COORDINATES, min_size=2, max_size=9), max_size=3))
    return ItemRow(
        label=label,
        bbox=draw(st.tuples(COORDINATES, COORDINATES, COORDINATES, COORDINATES)),
        keypoints=np.hstack([points, visibility]).astype(np.float32),
        position=0,
        area=draw(st.floats(0, 1e6, width=32)),
        ignore=draw(st.booleans()),
        attributes=draw(st.tuples(*[st.integers(0, 2**15 - 1)] * 5)),
        pair_id=draw(st.integers(-(2**62), 2**62)),
        source=draw(st.text(max_size=4)),
        polygons=[np.array(p[: len(p) // 2 * 2], np.float32).reshape(-1, 2) for p in polygons],
    )


@st.composite
def coco_records(draw: st.DrawFn) -> PackedRecords:
    """Up to three images with up to three garments."""
    ids = draw(st.lists(st.integers(-(2**62), 2**62), max_size=3, unique=True))
    images = [
        ImageRow(f'{image_id}.jpg', image_id, *SIZE, draw(st.lists(items(), max_size=3)))
        for image_id in ids
    ]
    rows = [item for image in images for item in image.items]
    numbers = draw(st.permutations(range(1, len(rows) + 1)))
    for row, number in zip(rows, numbers, strict=True):
        row.annotation_id = number
    return pack(images)


@st.composite
def native_records(draw: st.DrawFn) -> PackedRecords:
    """What native files can hold: the three images of ``photos``; source and pair per image."""
    images, number = [], 0
    for image_id in (1, 20, 300):
        source, pair_id = draw(st.text(max_size=4)), draw(st.integers(0, 2**40))
        rows = draw(st.lists(items(), max_size=2))
        for row in rows:
            number += 1
            row.annotation_id, row.source, row.pair_id, row.ignore = number, source, pair_id, False
        images.append(ImageRow(f'{image_id:06d}.jpg', image_id, *SIZE, rows))
    return pack(images)


@pytest.fixture(scope='module')
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('image')
    for image_id in (1, 20, 300):
        Image.new('RGB', SIZE).save(folder / f'{image_id:06d}.jpg')
    return folder


def read_coco(file: Path) -> PackedRecords:
    problems = Problems()
    reader = CocoReader(file, file.parent, DEEPFASHION2, check_images=False)
    packed = reader.read(problems).packed
    assert problems.counts().keys() <= {Kind.NO_ITEM}
    return packed


def read_native(photos: Path, folder: Path) -> PackedRecords:
    problems = Problems()
    packed = NativeReader(photos, folder, DEEPFASHION2).read(problems).packed
    assert problems.counts().keys() <= {Kind.NO_ITEM}
    return packed


def sources_of(packed: PackedRecords) -> list[str]:
    return [packed.source_names[number] for number in packed.sources.tolist()]


def assert_same(first: PackedRecords, second: PackedRecords, *but: str) -> None:
    """All arrays are equal, and of equal types."""
    others: dict[str, npt.NDArray[Any]] = second.arrays()
    for name, values in first.arrays().items():
        if name not in (*but, 'sources'):
            assert values.dtype == others[name].dtype, name
            np.testing.assert_array_equal(values, others[name], name)
    assert sources_of(first) == sources_of(second)


@pytest.mark.parametrize('layout', ['dense', 'compact'])
@given(packed=coco_records())
@ROUND_TRIP
def test_records_to_coco_and_back(layout: Layout, packed: PackedRecords) -> None:
    with TemporaryDirectory() as folder:
        first, second = Path(folder) / 'first.json', Path(folder) / 'second.json.gz'
        write_coco(first, packed, layout=layout)
        found = read_coco(first)
        write_coco(second, found, layout=layout)
        again = read_coco(second)
    assert_same(packed, found)
    assert_same(packed, again)


@given(packed=native_records())
@ROUND_TRIP
def test_native_to_records_and_back(photos: Path, packed: PackedRecords) -> None:
    with TemporaryDirectory() as folder:
        write_native(Path(folder) / 'first', packed)
        found = read_native(photos, Path(folder) / 'first')
        write_native(Path(folder) / 'second', found)
        again = read_native(photos, Path(folder) / 'second')
    assert_same(packed, found, 'areas')
    assert native_losses(found) == []
    assert_same(found, again)


@pytest.mark.parametrize('layout', ['dense', 'compact'])
@given(packed=native_records())
@ROUND_TRIP
def test_native_to_coco_to_native(photos: Path, layout: Layout, packed: PackedRecords) -> None:
    with TemporaryDirectory() as folder:
        write_native(Path(folder) / 'first', packed)
        found = read_native(photos, Path(folder) / 'first')
        write_coco(Path(folder) / 'all.json', found, layout=layout)
        read = read_coco(Path(folder) / 'all.json')
        write_native(Path(folder) / 'second', read)
        for file in (Path(folder) / 'first').iterdir():
            assert file.read_bytes() == (Path(folder) / 'second' / file.name).read_bytes()
    assert_same(found, read)
