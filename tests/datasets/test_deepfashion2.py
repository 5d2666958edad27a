# SPDX-License-Identifier: Apache-2.0
"""The data set itself: sources, selections, and its life inside mmengine and mmdet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset, pseudo_collate
from torch.utils.data import DataLoader

from deepmark.datasets import DeepFashion2Dataset, Kind
from deepmark.registry import DATASETS
from deepmark.schema import DEEPFASHION2, Category, LandmarkSchema

TRAIN_PIPELINE = [
    {'type': 'deepmark.LoadImage'},
    {'type': 'LoadAnnotations', 'with_bbox': True},
    {'type': 'deepmark.LoadLandmarks'},
    {'type': 'deepmark.RandomCenterCropScale', 'input_size': (64, 48)},
    {'type': 'deepmark.RandomFlipLandmarks'},
    {'type': 'deepmark.PhotometricJitter'},
    {'type': 'deepmark.PackLandmarkInputs'},
]
TEST_PIPELINE = [
    {'type': 'deepmark.LoadImage'},
    {'type': 'deepmark.AspectPreservingWarp', 'input_size': (64, 48)},
    {'type': 'deepmark.PackLandmarkInputs'},
]


def test_native_tree(native_tree: Any) -> None:
    native_tree.add('000012', native_tree.item(11), native_tree.item(7), wh=(80, 70))
    native_tree.add('000005', native_tree.item(1))
    dataset = native_tree.dataset()
    record = dataset.get_data_info(1)
    assert record['img_path'] == str(native_tree.images / '000012.jpg')
    assert (record['img_id'], record['sample_idx']) == (12, 1)
    assert (record['width'], record['height']) == (80, 70)
    dress, shorts = record['instances']
    assert dress['bbox'] == [10, 20, 50, 60]
    assert (dress['bbox_label'], shorts['bbox_label']) == (10, 6)
    assert dress['keypoints'].shape == (37, 3)
    assert dress['keypoints'][1].tolist() == [13, 25.5, 1]
    assert dress['attributes'] == {
        'scale': 2,
        'occlusion': 1,
        'zoom_in': 3,
        'viewpoint': 2,
        'style': 4,
    }
    assert (dress['source'], dress['pair_id'], dress['area']) == ('shop', 7, 1600)
    assert (dress['annotation_id'], shorts['annotation_id']) == (2, 3)
    assert 'mask' not in dress


def test_polygons_on_request(native_tree: Any) -> None:
    native_tree.add('000001', native_tree.item())
    mask = native_tree.dataset(with_polygons=True).get_data_info(0)['instances'][0]['mask']
    assert mask == [[10, 20, 50, 20, 50, 60], [11.5, 30, 20, 30, 20, 40, 11.5, 40]]


@pytest.mark.parametrize('name', ['long sleeve dress', 'long_sleeved_dress', None])
def test_official_names_aliases_and_no_name(native_tree: Any, name: str | None) -> None:
    native_tree.add('000001', native_tree.item())
    native_tree.edit('000001', category_name=name)
    assert native_tree.dataset().get_cat_ids(0) == [10]


def test_coco_file(coco_file: Any) -> None:
    coco_file.add_image(8, wh=(80, 70))
    coco_file.add_image(3)
    coco_file.add_item(3, category_id=7, iscrowd=1, style=2, pair_id=9)
    dataset = coco_file.dataset()
    assert dataset.problems.counts() == {Kind.NO_ITEM: 1}
    assert [dataset.get_data_info(i)['img_id'] for i in range(2)] == [8, 3]
    (instance,) = dataset.get_data_info(1)['instances']
    assert instance['bbox'] == [10, 20, 50, 60]
    assert instance['keypoints'].tolist() == [[20, 30, 2]] * 10
    assert (instance['bbox_label'], instance['ignore_flag'], instance['area']) == (6, 1, 1234.5)
    assert (instance['attributes']['style'], instance['pair_id']) == (2, 9)


def test_coco_file_with_own_landmarks_only(coco_file: Any) -> None:
    coco_file.add_image(3)
    coco_file.add_item(3, category_id=9, keypoints=[1.5, 2, 1] * 8)
    keypoints = coco_file.dataset().get_data_info(0)['instances'][0]['keypoints']
    assert keypoints.tolist() == [[1.5, 2, 1]] * 8


def test_coco_file_without_sizes_and_with_a_folder_in_the_name(coco_file: Any) -> None:
    coco_file.add_image(3, wh=(33, 22))
    coco_file.content['images'][0] = {'id': 3, 'file_name': '../image/000003.jpg'}
    coco_file.add_item(3)
    record = coco_file.dataset().get_data_info(0)
    assert (record['width'], record['height']) == (33, 22)


def test_images_without_annotations(native_tree: Any, coco_file: Any) -> None:
    native_tree.add_image('000004', wh=(9, 8))
    native_tree.annos.rmdir()
    record = native_tree.dataset(test_mode=True).get_data_info(0)
    assert (record['img_id'], record['width'], record['height']) == (4, 9, 8)
    assert record['instances'] == []
    coco_file.add_image(6)
    del coco_file.content['annotations']
    assert coco_file.dataset(test_mode=True).get_data_info(0)['instances'] == []


def test_own_photos_are_numbered(tmp_path: Path, native_tree: Any) -> None:
    for stem in ('street', 'beach'):
        native_tree.add_image(stem)
    dataset = DeepFashion2Dataset(data_prefix={'img': str(native_tree.images)}, test_mode=True)
    ids = [(Path(r['img_path']).stem, r['img_id']) for r in map(dataset.get_data_info, range(2))]
    assert ids == [('beach', 1), ('street', 2)]


def test_metainfo_comes_from_the_schema(native_tree: Any) -> None:
    native_tree.add('000001', native_tree.item())
    metainfo = native_tree.dataset().metainfo
    assert metainfo['classes'] == DEEPFASHION2.class_names
    assert metainfo['palette'] == DEEPFASHION2.palette
    assert metainfo['dataset_type'] == 'DeepFashion2Dataset'
    assert metainfo['dataset_name'] == 'deepfashion2'


def test_own_schema(coco_file: Any) -> None:
    shoe = Category('shoe', 1, 2, ((0, 1),), (), (0.1, 0.1), keypoint_names=('heel', 'toe'))
    coco_file.content['categories'] = [{'id': 1, 'name': 'Shoe'}]
    coco_file.add_image(3)
    coco_file.add_item(3, category_id=1, keypoints=[5, 6, 2, 7, 8, 1])
    dataset = coco_file.dataset(schema=LandmarkSchema('shoes', [shoe]))
    assert dataset.metainfo['classes'] == ('shoe',)
    assert dataset.get_data_info(0)['instances'][0]['keypoints'].tolist() == [[5, 6, 2], [7, 8, 1]]


def test_classes_that_differ_from_the_schema_are_refused(native_tree: Any) -> None:
    native_tree.add('000001', native_tree.item())
    with pytest.raises(ValueError, match=r'Fix: pass schema='):
        native_tree.dataset(metainfo={'classes': ('dress',)})


@pytest.fixture
def five(native_tree: Any) -> Any:
    """Five images with the labels 0, 1, 2, none and 4."""
    for number in range(5):
        items = [] if number == 3 else [native_tree.item(number + 1)]
        native_tree.add(f'{number:06d}', *items, wh=(60 + 10 * number, 70))
    return native_tree


def _ids(dataset: Any) -> list[int]:
    return [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))]


def test_filters_act_in_training_only(five: Any) -> None:
    filters = {'filter_empty_gt': True, 'min_size': 65}
    assert _ids(five.dataset(filter_cfg=filters)) == [1, 2, 4]
    assert _ids(five.dataset(filter_cfg=filters, test_mode=True)) == [0, 1, 2, 3, 4]
    assert len(five.dataset()) == 5


@pytest.mark.parametrize('serialize', [False, True])
def test_indices_and_subsets(five: Any, serialize: bool) -> None:
    assert _ids(five.dataset(indices=2, serialize_data=serialize)) == [0, 1]
    assert _ids(five.dataset(indices=-2, serialize_data=serialize)) == [3, 4]
    assert _ids(five.dataset(indices=[4, 0], serialize_data=serialize)) == [4, 0]
    dataset = five.dataset(serialize_data=serialize)
    assert _ids(dataset.get_subset([2, 1])) == [2, 1]
    assert len(dataset) == 5
    dataset.get_subset_(3)
    assert _ids(dataset) == [0, 1, 2]
    assert dataset.get_data_info(-1)['sample_idx'] == 2
    assert dataset.get_cat_ids(2) == [2]


def test_lazy_init(five: Any) -> None:
    dataset = five.dataset(lazy_init=True)
    assert dataset.metainfo['classes'] == DEEPFASHION2.class_names
    assert dataset.get_cat_ids(4) == [4]
    assert len(dataset) == 5


def test_serialized_records_are_the_same(five: Any) -> None:
    plain, serialized = five.dataset(), five.dataset(serialize_data=True)
    for index in range(5):
        a, b = plain.get_data_info(index), serialized.get_data_info(index)
        for one, other in zip(a.pop('instances'), b.pop('instances'), strict=True):
            np.testing.assert_array_equal(one.pop('keypoints'), other.pop('keypoints'))
            assert one == other
        assert a == b


@pytest.mark.usefixtures('mmdet_scope')
def test_mmengine_wrappers(five: Any) -> None:
    config = {
        'type': 'deepmark.DeepFashion2Dataset',
        'data_root': str(five.root),
        'split': 'train',
        'pipeline': TRAIN_PIPELINE,
    }
    assert len(ConcatDataset([config, config])) == 10
    assert len(RepeatDataset(config, times=3)) == 15
    config['filter_cfg'] = {'filter_empty_gt': True}
    balanced = ClassBalancedDataset(config, oversample_thr=0.5)
    assert len(balanced) >= 4
    assert balanced[0]['inputs'].shape == (3, 48, 64)


@pytest.mark.usefixtures('mmdet_scope')
@pytest.mark.parametrize('workers', [0, 2])
def test_through_a_data_loader(five: Any, workers: int) -> None:
    dataset = DATASETS.build(
        {
            'type': 'deepmark.DeepFashion2Dataset',
            'data_root': str(five.root),
            'split': 'train',
            'pipeline': TEST_PIPELINE,
            'test_mode': True,
        }
    )
    loader = DataLoader(dataset, batch_size=2, num_workers=workers, collate_fn=pseudo_collate)
    samples = [sample for batch in loader for sample in batch['data_samples']]
    assert [sample.img_id for sample in samples] == [0, 1, 2, 3, 4]
    assert [len(sample.instances) for sample in samples] == [1, 1, 1, 0, 1]


def test_proposals_are_refused(native_tree: Any) -> None:
    with pytest.raises(ValueError, match='no proposals'):
        native_tree.dataset(proposal_file='proposals.pkl')


def test_real_sample(sample_folder: Path) -> None:
    dataset = DeepFashion2Dataset(
        data_root=str(sample_folder), ann_file='annotations_coco.json', with_polygons=True
    )
    assert dataset.problems.counts() == {}
    first, second = dataset.get_data_info(0), dataset.get_data_info(1)
    assert (first['img_id'], second['img_id']) == (264, 265)
    (dress,) = first['instances']
    assert dress['bbox'] == [103, 80, 704, 749]
    assert (dress['bbox_label'], dress['annotation_id'], dress['pair_id']) == (10, 429, 22)
    assert int((dress['keypoints'][:, 2] > 0).sum()) == 28
    assert int((second['instances'][0]['keypoints'][:, 2] > 0).sum()) == 31
    assert [len(r['instances'][0]['mask']) for r in (first, second)] == [1, 4]


def test_real_sample_landmarks_fit_the_dress(sample_folder: Path) -> None:
    """Frontal dresses: landmarks lie in the box, left of their partners and level with them."""
    dataset = DeepFashion2Dataset(data_root=str(sample_folder), ann_file='annotations_coco.json')
    pairs = DEEPFASHION2.categories[10].flip_pairs
    checked = 0
    for index in range(2):
        (dress,) = dataset.get_data_info(index)['instances']
        x1, y1, x2, y2 = dress['bbox']
        x, y, visibility = dress['keypoints'].T
        labelled = visibility > 0
        assert np.all((x >= x1) & (x <= x2) & (y >= y1) & (y <= y2) | ~labelled)
        for left, right in pairs:
            if labelled[left] and labelled[right]:
                assert x[left] < x[right], (left + 1, right + 1)
                assert abs(y[left] - y[right]) < 0.2 * (y2 - y1), (left + 1, right + 1)
                checked += 1
    assert checked >= 15
