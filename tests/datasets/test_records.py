# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepmark.datasets import records
from deepmark.datasets.packing import ImageRow, ItemRow, item_positions, pack
from deepmark.datasets.records import PackedRecords, RecordView, TooManySourcesError


def _item(label: int, count: int, polygons: int = 0) -> ItemRow:
    keypoints = np.arange(3 * count, dtype=np.float32).reshape(count, 3)
    outlines = [np.full((3 + n, 2), label, np.float32) for n in range(polygons)]
    bbox = (label, 1.0, label + 2.0, 4.5)
    return ItemRow(
        label,
        bbox,
        keypoints,
        position=1,
        area=7.0,
        attributes=(1, 2, 3, 0, 9),
        pair_id=50_000,
        source='user',
        annotation_id=70_000 + label,
        polygons=outlines,
    )


@pytest.fixture
def images() -> list[ImageRow]:
    first = ImageRow('a/000001.jpg', 1, 640, 480, [_item(0, 2, polygons=2), _item(3, 1)])
    empty = ImageRow('000002.jpg', 2, 10, 20)
    third = ImageRow('Käse.jpg', 3, 30, 40, [_item(12, 4, polygons=1)])
    return [first, empty, third]


def test_record_has_what_was_packed(images: list[ImageRow]) -> None:
    record = RecordView(pack(images), 'root/image', with_polygons=True)[0]
    assert record['img_path'] == 'root/image/a/000001.jpg'
    assert (record['img_id'], record['width'], record['height']) == (1, 640, 480)
    first, second = record['instances']
    assert first['bbox'] == [0.0, 1.0, 2.0, 4.5]
    assert (first['bbox_label'], first['ignore_flag'], first['area']) == (0, 0, 7.0)
    assert first['keypoints'].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert first['attributes'] == {
        'scale': 1,
        'occlusion': 2,
        'zoom_in': 3,
        'viewpoint': 0,
        'style': 9,
    }
    assert (first['pair_id'], first['source'], first['annotation_id']) == (50_000, 'user', 70_000)
    assert first['mask'] == [[0.0] * 6, [0.0] * 8]
    assert second['keypoints'].shape == (1, 3)
    assert second['mask'] == []


def test_image_without_garments_and_name_beyond_ascii(images: list[ImageRow]) -> None:
    view = RecordView(pack(images))
    assert view[1]['instances'] == []
    assert view[2]['img_path'] == 'Käse.jpg'
    assert 'mask' not in view[2]['instances'][0]


def test_empty_data_set_can_be_packed() -> None:
    packed = pack([])
    assert (packed.num_images, packed.num_items, len(RecordView(packed))) == (0, 0, 0)


def test_slices_and_selections(images: list[ImageRow]) -> None:
    view = RecordView(pack(images))
    assert [record['img_id'] for record in view[1:]] == [2, 3]
    assert [record['img_id'] for record in view.take([-1, 0])] == [3, 1]
    assert view[-1]['img_id'] == 3
    assert view.take([2])[0:1].labels(0) == [12]
    with pytest.raises(IndexError):
        view[3]


def test_changing_a_record_does_not_change_the_data(images: list[ImageRow]) -> None:
    view = RecordView(pack(images))
    view[0]['instances'][0]['keypoints'][:] = -1
    assert view[0]['instances'][0]['keypoints'][0].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match='read-only'):
        view.packed.bboxes[0] = 0


def test_copies_share_the_arrays_and_pickles_do_not_lose_them(images: list[ImageRow]) -> None:
    view = RecordView(pack(images), 'root')
    assert copy.deepcopy(view).packed is view.packed
    assert pickle.loads(pickle.dumps(view))[2]['instances'][0]['bbox_label'] == 12


def test_keeping_items_keeps_all_images(images: list[ImageRow]) -> None:
    packed = pack(images).keep_items(np.array([False, True, True]))
    view = RecordView(packed, with_polygons=True)
    assert [len(record['instances']) for record in view] == [1, 0, 1]
    assert view[0]['instances'][0]['bbox_label'] == 3
    assert view[2]['instances'][0]['keypoints'].tolist()[-1] == [9, 10, 11]
    assert view[2]['instances'][0]['mask'] == [[12.0] * 6]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 5), st.integers(0, 2)))),
    st.randoms(),
)
def test_packing_then_keeping_equals_keeping_then_packing(
    shapes: list[list[tuple[int, int, int]]], random: np.random.Generator
) -> None:
    rows = [
        ImageRow(f'{n}.jpg', n, 9, 9, [_item(*shape) for shape in shapes_of_image])
        for n, shapes_of_image in enumerate(shapes)
    ]
    packed = pack(rows)
    keep = np.array([random.random() < 0.5 for _ in range(packed.num_items)], dtype=bool)
    remaining = iter(keep.tolist())
    for row in rows:
        row.items = [item for item in row.items if next(remaining)]
    expected, found = pack(rows), packed.keep_items(keep)
    assert len(item_positions(rows)) == keep.sum()
    for name in (
        'item_offsets',
        'labels',
        'bboxes',
        'keypoint_offsets',
        'keypoints',
        'polygon_offsets',
        'vertex_offsets',
        'vertices',
        'annotation_ids',
    ):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)


def _with_sources(*sources: str) -> PackedRecords:
    items = [_item(0, 1) for _ in sources]
    for item, source in zip(items, sources, strict=True):
        item.source = source
    return pack([ImageRow('a.jpg', 1, 9, 9, items)])


def test_sources_are_renumbered_when_parts_are_joined() -> None:
    parts = [_with_sources('shop', 'user'), _with_sources('street', 'user', '', 'shop')]
    assert [part.sources.tolist() for part in parts] == [[1, 2], [1, 2, 0, 3]]
    whole = PackedRecords.concatenate(parts)
    assert whole.source_names == ('', 'shop', 'user', 'street')
    assert whole.sources.tolist() == [1, 2, 3, 2, 0, 1]


def test_more_than_a_byte_of_sources_and_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f'shop {number}' for number in range(300)]
    parts = [_with_sources(*names[:150]), _with_sources(*names)]
    assert PackedRecords.concatenate(parts).sources[150:].tolist() == list(range(1, 301))
    monkeypatch.setattr(records, 'MAX_SOURCES', 300)
    with pytest.raises(TooManySourcesError, match='source: more than 299 different texts'):
        _with_sources(*names)
    with pytest.raises(TooManySourcesError, match='more than 299'):
        PackedRecords.concatenate(parts)
    assert len(_with_sources(*names[:299]).source_names) == 300
