# SPDX-License-Identifier: Apache-2.0
"""COCO files, odd ones too: what is read, and that both ways of reading agree."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from deepmark.datasets.coco_annotation import CocoAnnotationParser, entry_mapping
from deepmark.datasets.coco_reader import CocoReader
from deepmark.datasets.packing import ReadResult
from deepmark.datasets.problems import DatasetError, Kind, Problems
from deepmark.schema import DEEPFASHION2

CATEGORY = DEEPFASHION2.categories[8]  # skirt, 8 landmarks, slots 182 .. 189


def annotation(number: int, image_id: int = 1, **changes: Any) -> dict[str, Any]:
    """A skirt with its own landmarks alone."""
    entry = {
        'id': number,
        'image_id': image_id,
        'category_id': 9,
        'bbox': [10.1, 20.3, 40.6, 40.6],
        'keypoints': [1.5, 2, 1] * 8,
    }
    return {**entry, **changes}


def content(*annotations: dict[str, Any], num_images: int = 1) -> dict[str, Any]:
    images = [
        {'id': n, 'file_name': f'{n}.jpg', 'width': 80, 'height': 70}
        for n in range(1, num_images + 1)
    ]
    return {'images': images, 'annotations': list(annotations)}


def read(file: Path, problems: Problems | None = None) -> ReadResult:
    reader = CocoReader(file, file.parent, DEEPFASHION2, check_images=False)
    return reader.read(problems or Problems())


def read_text(folder: Path, text: str | bytes, problems: Problems | None = None) -> ReadResult:
    file = folder / 'a.json'
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read(file, problems)


def test_garments_are_ordered_by_image_and_know_their_place(tmp_path: Path) -> None:
    entries = [
        annotation(5, 2, segmentation=[[1, 2, 3, 4, 5, 6], [7, 8]]),
        annotation(6, 1, category_id=7, keypoints=[3, 4, 2] * 10),
        annotation(7, 2, segmentation={'counts': 'aZ', 'size': [70, 80]}),
        annotation(8, 1, segmentation=[[9, 9]], source='shop'),
    ]
    packed, positions = read_text(tmp_path, json.dumps(content(*entries, num_images=3)))
    assert positions.tolist() == [1, 3, 0, 2]
    assert packed.item_offsets.tolist() == [0, 2, 4, 4]
    assert packed.annotation_ids.tolist() == [6, 8, 5, 7]
    assert packed.labels.tolist() == [6, 8, 8, 8]
    assert packed.keypoint_offsets.tolist() == [0, 10, 18, 26, 34]
    assert packed.keypoints[9:11].tolist() == [[3, 4, 2], [1.5, 2, 1]]
    assert packed.polygon_offsets.tolist() == [0, 0, 1, 3, 3]
    assert packed.vertex_offsets.tolist() == [0, 1, 4, 5]
    assert packed.vertices.tolist() == [[9, 9], [1, 2], [3, 4], [5, 6], [7, 8]]
    assert [packed.source_names[s] for s in packed.sources] == ['', 'shop', '', '']


def test_far_corner_is_added_before_rounding(tmp_path: Path) -> None:
    """In float32 10.1 + 40.6 would be 50.699997, not the float32 of 50.7."""
    packed, _ = read_text(tmp_path, json.dumps(content(annotation(1))))
    assert packed.bboxes[0].tolist() == np.array([10.1, 20.3, 50.7, 60.9], np.float32).tolist()
    assert packed.areas.tolist() == [np.float32(40.6 * 40.6)]


PARSED_ALIKE: list[dict[str, Any]] = [
    {},
    {'bbox': [1, 2, 3, 4], 'area': 5, 'iscrowd': 1, 'pair_id': 3, 'source': 'user'},
    {'bbox': [0.1, 0.2, 0.7, 0.4], 'area': 5.5, 'iscrowd': True, 'style': 2, 'scale': 3},
    {'segmentation': [[1, 2, 3, 4.5], []], 'category_name': 'skirt', 'viewpoint': 1},
    {'segmentation': {'counts': [1], 'size': [1, 1]}, 'zoom_in': 1, 'occlusion': 2},
    {'segmentation': None, 'area': None, 'stray': {'images': [{}]}},
    {'keypoints': [0] * 3 * 182 + [7, 8.5, 2] * 8 + [0] * 3 * 104},
    {'keypoints': [0, 0, 1] + [0] * 3 * 181 + [7, 8, 2] * 8 + [5, 5, 2] * 104},
]


@pytest.mark.parametrize('changes', PARSED_ALIKE)
def test_both_ways_give_the_same_garment(changes: dict[str, Any]) -> None:
    entry = annotation(4, **changes)
    parser = CocoAnnotationParser(DEEPFASHION2)
    quick = parser.quick(msgspec.Raw(json.dumps(entry).encode()), 2)
    careful = parser.careful(entry, 2)
    assert quick is not None
    assert (quick.image_id, quick.num_foreign) == (careful.image_id, careful.num_foreign)
    first, second = vars(quick.item).copy(), vars(careful.item).copy()
    np.testing.assert_array_equal(first.pop('keypoints'), second.pop('keypoints'))
    for one, other in zip(first.pop('polygons'), second.pop('polygons'), strict=True):
        np.testing.assert_array_equal(one, other)
    assert first == second


@pytest.mark.parametrize('changes', [{}, {'keypoints': []}, {'keypoints': None}, {'iscrowd': 1}])
def test_annotations_without_keypoints_have_no_labelled_landmarks(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    entry = annotation(4, **changes)
    if 'keypoints' not in changes:
        del entry['keypoints']
    problems = Problems()
    for careful in (False, True):
        text = json.dumps(content({**entry, 'id': 4.0} if careful else entry))
        packed, _ = read_text(tmp_path, text, problems)
        assert packed.keypoints.tolist() == [[0, 0, 0]] * 8
    expected = {} if 'iscrowd' in changes else {Kind.NO_KEYPOINTS: 2}
    assert problems.counts() == expected


def test_foreign_landmarks_are_counted_on_both_sides() -> None:
    entry = annotation(4, **PARSED_ALIKE[-1])
    row = CocoAnnotationParser(DEEPFASHION2).quick(msgspec.Raw(json.dumps(entry).encode()), 0)
    assert row is not None
    assert row.num_foreign == 105


@pytest.mark.parametrize(
    'changes',
    [
        {'id': 4.0, 'image_id': True, 'category_id': 9.0},
        {'source': None, 'scale': 2.0},
    ],
)
def test_unusual_values_are_read_the_careful_way(tmp_path: Path, changes: dict[str, Any]) -> None:
    plain, _ = read_text(tmp_path, json.dumps(content(annotation(4))))
    packed, _ = read_text(tmp_path, json.dumps(content(annotation(4, **changes))))
    assert packed.annotation_ids.tolist() == [4]
    np.testing.assert_array_equal(packed.bboxes, plain.bboxes)
    np.testing.assert_array_equal(packed.keypoints, plain.keypoints)


@pytest.mark.parametrize(
    ('changes', 'kind', 'key'),
    [
        ({'bbox': [1, 2, 3, 1e999]}, Kind.NOT_FINITE, 'bbox'),
        ({'bbox': ['10.1', 20.3, 40.6, 40.6]}, Kind.MISSING_KEY, 'bbox'),
        ({'keypoints': ['1.5', 2, 1] * 8}, Kind.MISSING_KEY, 'keypoints'),
        ({'area': '40'}, Kind.MISSING_KEY, 'area'),
        ({'segmentation': [[1, 2, 3]]}, Kind.MISSING_KEY, 'segmentation[0]'),
        ({'segmentation': 'all'}, Kind.MISSING_KEY, 'segmentation'),
        ({'category_name': 'trousers'}, Kind.CATEGORY_NAME, 'category_name'),
        ({'style': -1}, Kind.MISSING_KEY, 'style'),
        ({'iscrowd': '0'}, Kind.MISSING_KEY, 'iscrowd'),
        ({'iscrowd': 2}, Kind.MISSING_KEY, 'iscrowd'),
        ({'iscrowd': None}, Kind.MISSING_KEY, 'iscrowd'),
        ({'iscrowd': 0.5}, Kind.MISSING_KEY, 'iscrowd'),
        ({'id': None}, Kind.MISSING_KEY, 'id'),
        ({'pair_id': 2**63}, Kind.MISSING_KEY, 'pair_id'),
        ({'keypoints': [2**2000, 1, 1] * 8}, Kind.MISSING_KEY, 'keypoints'),
    ],
)
def test_bad_entry_is_named(coco_file: Any, changes: dict[str, Any], kind: Kind, key: str) -> None:
    coco_file.add_image(3)
    coco_file.content['annotations'] = [annotation(1, 3), annotation(2, 3) | changes]
    dataset = coco_file.dataset(on_problem='warn')
    (problem,) = dataset.problems.found
    assert (problem.kind, problem.key) == (kind, f'annotations[1].{key}')
    assert len(dataset.get_data_info(0)['instances']) == 1


def test_entries_that_are_no_objects_are_named(tmp_path: Path) -> None:
    problems = Problems('warn')
    text = '{"images": [3, {"id": 1, "file_name": "a", "width": 5, "height": 4294967296}], '
    packed, _ = read_text(
        tmp_path, text + '"annotations": [[]], "categories": ["skirt"]}', problems
    )
    assert packed.num_images == 0
    assert [(p.key, p.detail) for p in problems.found] == [
        ('categories[0]', 'a str, not an object'),
        ('images[0]', 'a int, not an object'),
        ('images[1].width', 'image size 5 x 4294967296'),
        ('annotations[0]', 'a list, not an object'),
    ]


def test_python_s_own_nan_is_found_by_its_key(tmp_path: Path) -> None:
    """json.dump writes NaN, which is no JSON; text that only looks like it stays text."""
    entries = content(annotation(1, source='a NaN, [Infinity]'), annotation(2))
    entries['annotations'][1]['bbox'][2] = float('-inf')
    entries['annotations'][1]['keypoints'][0] = float('nan')
    packed, _ = read_text(tmp_path, json.dumps(entries))
    assert packed.bboxes[1].tolist()[2] == float('-inf')
    assert np.isnan(packed.keypoints[8, 0])
    assert packed.source_names == ('', 'a NaN, [Infinity]')


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16'])
def test_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    packed, _ = read_text(tmp_path, json.dumps(content(annotation(1))).encode(encoding))
    assert packed.num_items == 1


def test_gzip(tmp_path: Path) -> None:
    data = gzip.compress(json.dumps(content(annotation(1))).encode())
    (tmp_path / 'a.json.gz').write_bytes(data)
    assert read(tmp_path / 'a.json.gz').packed.num_items == 1
    (tmp_path / 'b.json.gz').write_bytes(data[:-9])
    with pytest.raises(DatasetError, match=r'b\.json\.gz: not a whole gzip file .*Fix: '):
        read(tmp_path / 'b.json.gz')


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('[]', 'images: missing key'),
        ('{"images": null}', 'images: missing key'),
        ('{"images": 3}', 'images: not a list'),
        ('{"images": [], "annotations": {}}', 'annotations: not a list'),
        ('{"images": [{"id": 1}', r"unreadable annotation file \(Expecting ',' delimiter: line 1"),
        ('{"images": [], "NaN": NaN', r"Expecting ',' delimiter"),
        ('{"images": ' + '[' * 100_000, 'unreadable annotation file'),
        (b'{"images": "\xff"}', 'unreadable annotation file|not a list'),
    ],
)
def test_unusable_file(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=rf'a\.json: .*({message}).*Fix: '):
        read_text(tmp_path, text)


def test_number_beyond_float64_in_an_unneeded_key(tmp_path: Path) -> None:
    assert entry_mapping(msgspec.Raw(b'{"a": 1e999}'))['a'] == float('inf')
    text = json.dumps(content(annotation(1))).replace('"id": 1,', '"id": 1, "stray": 1e999,')
    assert read_text(tmp_path, text).packed.num_items == 1


@pytest.mark.parametrize(('value', 'ignored'), [(0, False), (False, False), (1, True), (1.0, True)])
def test_iscrowd(tmp_path: Path, value: object, ignored: bool) -> None:
    packed, _ = read_text(tmp_path, json.dumps(content(annotation(4, iscrowd=value))))
    assert packed.ignore_flags.tolist() == [ignored]
