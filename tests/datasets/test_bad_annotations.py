# SPDX-License-Identifier: Apache-2.0
"""Bad annotations: an error that names file, key and fix, or a counted warning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deepmark.datasets import DatasetError, DeepFashion2Dataset, Kind

NAN = float('nan')
SHORT_LANDMARKS = [1.0, 2.0, 2.0] * 36


def _landmarks(tree: Any, index: int, *values: float) -> list[float]:
    landmarks: list[float] = tree.item()['landmarks']
    landmarks[3 * index : 3 * index + 3] = values
    return landmarks


ITEM_ERRORS = [
    ('landmarks', SHORT_LANDMARKS, Kind.LANDMARK_COUNT, '36, but category 11'),
    ('landmarks', [1.0] * 110, Kind.LANDMARK_COUNT, '110 numbers, not a multiple of 3'),
    ('landmarks', 'none', Kind.MISSING_KEY, 'not a list of numbers'),
    ('landmarks', [[1, 2, 2]] * 37, Kind.MISSING_KEY, 'not a flat list'),
    ('category_id', 14, Kind.UNKNOWN_CATEGORY, 'category id 14'),
    ('category_id', 0, Kind.UNKNOWN_CATEGORY, 'category id 0'),
    ('category_id', 'dress', Kind.MISSING_KEY, "'dress' is not a whole number"),
    ('category_id', 1.5, Kind.MISSING_KEY, '1.5 is not a whole number'),
    ('category_name', 'trousers', Kind.CATEGORY_NAME, "'trousers', but category 11"),
    ('category_name', 'dres', Kind.CATEGORY_NAME, "'dres', but category 11"),
    ('bounding_box', [10, 20, NAN, 60], Kind.NOT_FINITE, 'nan'),
    ('bounding_box', [10, 20, 50], Kind.MISSING_KEY, '3 numbers, a box has 4'),
    ('bounding_box', None, Kind.MISSING_KEY, 'not a'),
    ('scale', 'big', Kind.MISSING_KEY, "'big' is not a whole number"),
    ('scale', 99999, Kind.MISSING_KEY, '99999'),
]


@pytest.mark.parametrize(('key', 'value', 'kind', 'detail'), ITEM_ERRORS)
def test_item_error_names_file_key_and_fix(
    native_tree: Any, key: str, value: object, kind: Kind, detail: str
) -> None:
    native_tree.add('000001', native_tree.item())
    native_tree.add('000002', native_tree.item())
    native_tree.edit('000002', **{key: value})
    with pytest.raises(DatasetError) as error:
        native_tree.dataset()
    message = str(error.value)
    assert f'{native_tree.annotation("000002")}: item1.{key}: {kind.title}' in message
    assert detail in message
    assert f'Fix: {kind.fix}' in message
    assert '000001' not in message


@pytest.mark.parametrize(('key', 'value', 'kind', 'detail'), ITEM_ERRORS)
def test_item_error_is_left_out_and_counted_on_request(
    native_tree: Any, key: str, value: object, kind: Kind, detail: str
) -> None:
    native_tree.add('000001', native_tree.item(), native_tree.item(7))
    native_tree.edit('000001', **{key: value})
    dataset = native_tree.dataset(on_problem='warn')
    assert [instance['bbox_label'] for instance in dataset.get_data_info(0)['instances']] == [6]
    assert dataset.problems.counts() == {kind: 1}


@pytest.mark.parametrize('key', ['category_id', 'bounding_box', 'landmarks'])
def test_missing_key(native_tree: Any, key: str) -> None:
    item = native_tree.item()
    del item[key]
    native_tree.add('000001', item)
    with pytest.raises(DatasetError, match=rf'000001\.json: item1\.{key}: .*\(missing\)'):
        native_tree.dataset()


@pytest.mark.parametrize(
    ('values', 'kind'),
    [
        ((NAN, 3, 2), Kind.NOT_FINITE),
        ((3, float('inf'), 0), Kind.NOT_FINITE),
        ((3, 3, 3), Kind.VISIBILITY),
        ((3, 3, 0.5), Kind.VISIBILITY),
    ],
)
def test_bad_landmark_is_named_by_its_number(
    native_tree: Any, values: tuple[float, ...], kind: Kind
) -> None:
    native_tree.add('000001', native_tree.item(1), native_tree.item())
    content = json.loads(native_tree.annotation('000001').read_text())
    content['item2']['landmarks'] = _landmarks(native_tree, 4, *values)
    native_tree.annotation('000001').write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=rf'item2\.landmarks: {kind.title} \(landmark 5: '):
        native_tree.dataset()


@pytest.mark.parametrize(
    ('box', 'kind'),
    [
        ([10, 20, 10, 60], Kind.DEGENERATE_BOX),
        ([50, 60, 10, 20], Kind.DEGENERATE_BOX),
        ([90, 20, 120, 60], Kind.BOX_OFF_IMAGE),
        ([-9, -9, -1, -1], Kind.BOX_OFF_IMAGE),
    ],
)
def test_unusable_box_is_left_out_with_a_counted_warning(
    native_tree: Any, logged: list[str], box: list[int], kind: Kind
) -> None:
    native_tree.add('000001', native_tree.item(), native_tree.item(7))
    native_tree.edit('000001', bounding_box=box)
    dataset = native_tree.dataset()
    assert dataset.get_cat_ids(0) == [6]
    file = native_tree.annotation('000001')
    assert logged[0] == f'1 x {kind.title}: {file}: item1.bounding_box. Fix: {kind.fix}'


def test_what_reaches_outside_the_image_is_kept_and_counted(
    native_tree: Any, logged: list[str]
) -> None:
    native_tree.add('000001', native_tree.item(bounding_box=[-5, 20, 90, 60]))
    native_tree.edit('000001', landmarks=_landmarks(native_tree, 0, 81, 30, 2))
    instance = native_tree.dataset().get_data_info(0)['instances'][0]
    assert instance['bbox'] == [-5, 20, 90, 60]
    assert instance['keypoints'][0].tolist() == [81, 30, 2]
    assert [line.split(':')[0] for line in logged[:2]] == [
        f'1 x {Kind.BOX_OUTSIDE.title}',
        f'1 x {Kind.LANDMARK_OUTSIDE.title}',
    ]


def test_unlabelled_landmarks_may_lie_anywhere(native_tree: Any) -> None:
    native_tree.add('000001', native_tree.item(landmarks=_landmarks(native_tree, 0, -99, 999, 0)))
    assert native_tree.dataset().problems.counts() == {}


def test_photo_without_item1_is_an_image_without_garments(
    native_tree: Any, logged: list[str]
) -> None:
    native_tree.add('000001')
    native_tree.add('000002', native_tree.item())
    dataset = native_tree.dataset()
    assert [len(dataset.get_data_info(i)['instances']) for i in range(2)] == [0, 1]
    file = native_tree.annotation('000001')
    assert logged[0].startswith(f'1 x image without any garment: {file}: item1. Fix: filter_cfg')
    assert len(native_tree.dataset(filter_cfg={'filter_empty_gt': True})) == 1


def test_items_that_start_with_item2_are_read_with_a_warning(native_tree: Any) -> None:
    native_tree.add('000001', native_tree.item())
    file = native_tree.annotation('000001')
    file.write_text(file.read_text().replace('item1', 'item2'))
    dataset = native_tree.dataset()
    assert len(dataset.get_data_info(0)['instances']) == 1
    assert dataset.problems.counts() == {Kind.ITEM_NUMBERS: 1}


@pytest.mark.parametrize(
    ('content', 'detail'),
    [
        ('', 'the file is empty'),
        ('{"item1": ', 'Expecting value'),
        ('[]', 'holds a list'),
        ('{"item1": 3}', 'not an object'),
    ],
)
def test_unreadable_annotation(native_tree: Any, content: str, detail: str) -> None:
    native_tree.add('000001', native_tree.item())
    native_tree.add('000002', native_tree.item())
    native_tree.annotation('000002').write_text(content)
    with pytest.raises(DatasetError, match=rf'000002\.json: .*{detail}'):
        native_tree.dataset()
    assert native_tree.dataset(on_problem='warn').get_cat_ids(0) == [10]


def test_missing_partner_files(native_tree: Any) -> None:
    native_tree.add('000001', native_tree.item())
    native_tree.add_image('000002')
    native_tree.annotation('000003').write_text('{}')
    with pytest.raises(DatasetError) as error:
        native_tree.dataset()
    assert f'{native_tree.images / "000002.jpg"}: annotation file missing' in str(error.value)
    assert f'{native_tree.annotation("000003")}: image file missing' in str(error.value)
    assert len(native_tree.dataset(on_problem='warn')) == 1


def test_image_with_unreadable_header(native_tree: Any) -> None:
    native_tree.add('000001', native_tree.item())
    native_tree.add('000002', native_tree.item())
    (native_tree.images / '000002.jpg').write_bytes(b'')
    with pytest.raises(DatasetError, match=r'000002\.jpg: image header unreadable'):
        native_tree.dataset()
    assert len(native_tree.dataset(on_problem='warn')) == 1


@pytest.mark.parametrize('twin', ['000001.png', '1.jpg'])
def test_image_listed_twice_in_the_tree(native_tree: Any, twin: str) -> None:
    native_tree.add('000001', native_tree.item())
    (native_tree.images / twin).write_bytes((native_tree.images / '000001.jpg').read_bytes())
    if twin == '1.jpg':
        native_tree.annotation('1').write_text(native_tree.annotation('000001').read_text())
    with pytest.raises(DatasetError, match=rf'{twin}: image listed twice'):
        native_tree.dataset()
    assert len(native_tree.dataset(on_problem='warn')) == 1


def test_image_listed_twice_in_a_coco_file(coco_file: Any) -> None:
    coco_file.add_image(3)
    coco_file.add_item(3)
    coco_file.content['images'].append(dict(coco_file.content['images'][0]))
    with pytest.raises(DatasetError, match=r'val\.json: images\[1\]: image listed twice \(id 3'):
        coco_file.dataset()
    assert len(coco_file.dataset(on_problem='warn')) == 1


COCO_ERRORS = [
    ({'keypoints': SHORT_LANDMARKS}, 'keypoints', Kind.LANDMARK_COUNT),
    ({'category_id': 14}, 'category_id', Kind.UNKNOWN_CATEGORY),
    ({'bbox': [NAN, 1, 2, 3]}, 'bbox', Kind.NOT_FINITE),
    ({'image_id': 99}, 'image_id', Kind.UNKNOWN_IMAGE),
    ({'id': 1}, 'id', Kind.DUPLICATE_ID),
]


@pytest.mark.parametrize(('changes', 'key', 'kind'), COCO_ERRORS)
def test_coco_annotation_error(
    coco_file: Any, changes: dict[str, Any], key: str, kind: Kind
) -> None:
    coco_file.add_image(3)
    coco_file.add_item(3)
    coco_file.add_item(3).update(changes)
    with pytest.raises(DatasetError, match=rf'val\.json: annotations\[1\]\.{key}: {kind.title}'):
        coco_file.dataset()
    assert len(coco_file.dataset(on_problem='warn').get_data_info(0)['instances']) == 1


@pytest.mark.parametrize(
    ('category', 'message'),
    [
        ({'id': 14, 'name': 'hat'}, r'categories\[13\]\.id: unknown category'),
        ({'id': 8, 'name': 'skirt'}, r"categories\[13\]\.name: category name .*'skirt', but id 8"),
        ({'name': 'skirt'}, r'categories\[13\]\.id: .*missing'),
    ],
)
def test_coco_category_error(coco_file: Any, category: dict[str, Any], message: str) -> None:
    coco_file.add_image(3)
    coco_file.add_item(3)
    coco_file.content['categories'].append(category)
    with pytest.raises(DatasetError, match=message):
        coco_file.dataset()


@pytest.mark.parametrize('size', [(0, 0), (-4, 4)])
def test_coco_box_of_zero_or_negative_size(coco_file: Any, size: tuple[int, int]) -> None:
    coco_file.add_image(3)
    coco_file.add_item(3)
    coco_file.add_item(3, bbox=[10, 20, *size])
    dataset = coco_file.dataset()
    assert dataset.problems.counts() == {Kind.DEGENERATE_BOX: 1}
    assert len(dataset.get_data_info(0)['instances']) == 1


def test_coco_landmarks_in_foreign_slots(coco_file: Any) -> None:
    coco_file.add_image(3)
    coco_file.add_item(3)['keypoints'][2] = 2
    dataset = coco_file.dataset()
    assert dataset.problems.counts() == {Kind.FOREIGN_LANDMARK: 1}


def test_coco_image_file_missing(coco_file: Any) -> None:
    for image_id in (3, 4):
        coco_file.add_image(image_id)
        coco_file.add_item(image_id)
    (coco_file.root / 'image' / '000004.jpg').unlink()
    with pytest.raises(DatasetError, match=r'images\[1\]\.file_name: image file missing'):
        coco_file.dataset()


def test_annotations_of_a_rejected_image_are_no_problem_of_their_own(coco_file: Any) -> None:
    """One cause, one report: a missing, a doubly listed and an empty image, with 3 items each."""
    for image_id in (3, 4, 5, 6):
        coco_file.add_image(image_id)
        for _ in range(3):
            coco_file.add_item(image_id)
    coco_file.add_item(99)
    (coco_file.root / 'image' / '000004.jpg').unlink()
    coco_file.content['images'][2]['file_name'] = '000003.jpg'
    coco_file.content['images'][3]['width'] = 0
    with pytest.raises(DatasetError) as error:
        coco_file.dataset()
    assert '4 problem(s) in the annotations' in str(error.value)
    assert 'annotations[12].image_id: annotation of an unknown image (99)' in str(error.value)
    dataset = coco_file.dataset(on_problem='warn')
    assert len(dataset) == 1
    assert len(dataset.get_data_info(0)['instances']) == 3
    assert dataset.problems.counts() == {
        Kind.MISSING_KEY: 1,
        Kind.DUPLICATE_IMAGE: 1,
        Kind.UNKNOWN_IMAGE: 1,
        Kind.MISSING_IMAGE: 1,
    }


@pytest.mark.parametrize(
    ('content', 'detail'),
    [('', 'the file is empty'), ('{"images": [', 'Expecting value'), ('{}', 'images: missing key')],
)
def test_unreadable_coco_file(tmp_path: Path, content: str, detail: str) -> None:
    file = tmp_path / 'broken.json'
    file.write_text(content)
    with pytest.raises(DatasetError, match=rf'broken\.json: .*{detail}.* Fix: '):
        DeepFashion2Dataset(ann_file=str(file))


def test_missing_coco_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r'no\.json: annotation file missing\. Fix: check'):
        DeepFashion2Dataset(ann_file=str(tmp_path / 'no.json'), test_mode=True)


def test_empty_tree_says_what_was_looked_for(native_tree: Any) -> None:
    with pytest.raises(DatasetError) as error:
        native_tree.dataset()
    assert f'{native_tree.images}/*.jpg with {native_tree.annos}/*.json' in str(error.value)


def test_empty_coco_file_and_empty_folder(coco_file: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no usable image \(looked for 'images' in .*val\.json"):
        coco_file.dataset()
    with pytest.raises(DatasetError, match=r'looked for .*absent/test/image/\*\.jpg'):
        DeepFashion2Dataset(data_root=str(tmp_path / 'absent'), split='test', test_mode=True)


def test_training_without_annotations_is_refused(native_tree: Any) -> None:
    native_tree.add_image('000001')
    native_tree.annos.rmdir()
    with pytest.raises(DatasetError, match=r'train/annos: no annotations for training\. Fix:'):
        native_tree.dataset()
    assert len(native_tree.dataset(test_mode=True)) == 1


def test_training_without_a_single_garment_is_refused(native_tree: Any) -> None:
    native_tree.add('000001')
    with pytest.raises(DatasetError, match=r'1 images, but no usable garment'):
        native_tree.dataset()


def test_filter_that_leaves_nothing_is_refused(native_tree: Any) -> None:
    native_tree.add('000001', native_tree.item())
    with pytest.raises(DatasetError, match=r"filter_cfg=\{'min_size': 1000\} leaves none of 1"):
        native_tree.dataset(filter_cfg={'min_size': 1000})
