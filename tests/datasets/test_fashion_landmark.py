# SPDX-License-Identifier: Apache-2.0
"""FLD and DeepFashion-C as a data set of mmpose."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from deepmark.datasets import DatasetError, FashionLandmarkDataset
from deepmark.registry import DATASETS

from .fashion_examples import BOXES, HEIGHT, PARTITION, WIDTH, write_benchmark


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_benchmark(tmp_path / 'b')


def build(root: Path, **arguments: Any) -> FashionLandmarkDataset:
    return FashionLandmarkDataset(data_root=str(root), **arguments)


def test_data_info(root: Path) -> None:
    dataset = build(root)
    assert len(dataset) == 1
    info = dataset.get_data_info(0)
    assert info['img_path'] == str(root / 'img/a.jpg')
    assert info['bbox'].tolist() == [[10, 5, 60, 75]]
    assert info['keypoints'].shape == (1, 8, 2)
    assert info['keypoints'][0, 2].tolist() == [12, 30]
    assert info['keypoints_visible'].tolist() == [[1, 1, 1, 1, 0, 0, 1, 0]]
    assert (info['id'], info['img_id'], int(info['category_id'])) == (1, 1, 1)
    assert float(info['area']) == 50 * 70
    raw = info['raw_ann_info']
    assert raw['keypoints'][2::3] == [2, 2, 1, 2, 0, 0, 2, 0]
    assert (raw['clothes_type'], raw['num_keypoints']) == (1, 5)
    assert info['flip_indices'] == [1, 0, 3, 2, 5, 4, 7, 6]


def test_occluded_landmarks_may_be_left_out_of_training_only(root: Path) -> None:
    info = build(root, train_occluded=False).get_data_info(0)
    assert info['keypoints_visible'].tolist() == [[1, 1, 0, 1, 0, 0, 1, 0]]
    assert info['raw_ann_info']['keypoints'][8] == 1


def test_metainfo(root: Path) -> None:
    dataset = build(root, benchmark='deepfashion_c')
    assert dataset.metainfo['dataset_name'] == 'deepfashion_c'
    assert dataset.metainfo['keypoint_id2name'][0] == 'left collar'
    assert dataset.metainfo['keypoint_id2name'][7] == 'right hem'
    assert dataset.metainfo['num_keypoints'] == len(dataset.metainfo['sigmas']) == 8
    names = dataset.metainfo['keypoint_id2name']
    for number, partner in enumerate(dataset.metainfo['flip_indices']):
        assert {names[number].split()[0], names[partner].split()[0]} == {'left', 'right'}
        assert names[number].split()[1] == names[partner].split()[1]


def test_built_from_a_config_and_the_pipeline_packs(root: Path) -> None:
    init_default_scope('mmpose')
    codec = dict(type='MSRAHeatmap', input_size=(32, 32), heatmap_size=(8, 8), sigma=1)
    pipeline = [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale', padding=1.0),
        dict(type='RandomFlip', prob=1.0),
        dict(type='deepmark.BoxAffine', input_size=(32, 32)),
        dict(type='GenerateTarget', encoder=codec),
        dict(type='PackPoseInputs'),
    ]
    dataset = DATASETS.build(
        dict(type='deepmark.FashionLandmarkDataset', data_root=str(root), pipeline=pipeline)
    )
    packed = dataset[0]
    sample = packed['data_samples']
    assert packed['inputs'].shape == (3, 32, 32)
    # Mirrored: the right collar, at 50 of 100 pixels, is the left one at 99 - 50.
    assert sample.gt_instances.keypoints[0, 0].tolist() == [WIDTH - 1 - 50, 11]
    weights = sample.gt_instance_labels.keypoint_weights[0]
    # Hems exchange, too: the left one has been cut off.
    assert weights.tolist() == [1, 1, 1, 1, 0, 0, 0, 1]
    assert sample.metainfo['raw_ann_info']['clothes_type'] == 1


def test_views_share_the_arrays_and_are_cut_like_lists(root: Path) -> None:
    partition = PARTITION.replace('val', 'train').replace('test', 'train')
    (root / 'Eval/list_eval_partition.txt').write_text(partition)
    dataset = build(root)
    view = dataset.data_list
    assert [info['id'] for info in view[1:]] == [2, 3]
    assert view[-1]['id'] == 3
    assert copy.deepcopy(view).records is view.records
    assert [info['id'] for info in build(root, indices=2).data_list] == [1, 2]
    assert build(root, indices=[2, 0]).get_data_info(0)['id'] == 3
    pickled = build(root, serialize_data=True).get_data_info(2)
    np.testing.assert_equal(pickled, dataset.get_data_info(2))


def test_garments_without_landmarks_are_tested_but_not_trained(root: Path) -> None:
    lines = (root / 'Anno/list_landmarks.txt').read_text().splitlines()
    lines[2] = 'img/a.jpg 1 1' + ' 2 0 0' * 6
    (root / 'Anno/list_landmarks.txt').write_text('\n'.join(lines))
    assert len(build(root, test_mode=True)) == 1
    with pytest.raises(DatasetError, match="no usable garment of split 'train'"):
        build(root)


def test_images_in_a_folder_img(root: Path) -> None:
    (root / 'Img').mkdir()
    (root / 'img').rename(root / 'Img/img')
    assert build(root).get_data_info(0)['img_path'] == str(root / 'Img/img/a.jpg')


class TestErrors:
    def test_missing_image(self, root: Path) -> None:
        (root / 'img/a.jpg').unlink()
        with pytest.raises(DatasetError, match=r'img/a\.jpg: image file missing'):
            build(root)
        assert len(build(root, check_images=False)) == 1

    @pytest.mark.parametrize(
        ('box', 'message'),
        [
            ('60 5 10 75', r'list_bbox\.txt: line 3: box that is no crop .* 100 x 80 pixels'),
            (f'{WIDTH} 5 {WIDTH + 50} 75', 'no crop of its image'),
            (f'10 5 60 {HEIGHT + 3}', 'line 3: box reaches outside its image'),
            ('-3 5 60 75', 'line 3: box reaches outside its image'),
        ],
    )
    def test_boxes(self, root: Path, box: str, message: str) -> None:
        (root / 'Anno/list_bbox.txt').write_text(BOXES.replace('010 005 060 075', box))
        with pytest.raises(DatasetError, match=message):
            build(root)

    def test_a_pixel_outside_is_how_some_boxes_count(self, root: Path) -> None:
        box = f'0 0 {WIDTH + 1} {HEIGHT + 1}'
        (root / 'Anno/list_bbox.txt').write_text(BOXES.replace('010 005 060 075', box))
        assert build(root).get_data_info(0)['bbox'].tolist() == [[0, 0, WIDTH + 1, HEIGHT + 1]]

    def test_only_garments_that_cannot_be_cropped_are_left_out(self, root: Path) -> None:
        partition = PARTITION.replace('val', 'train').replace('test', 'train')
        (root / 'Eval/list_eval_partition.txt').write_text(partition)
        boxes = BOXES.replace('010 005 060 075', '60 5 10 75').replace('000 000', '-50 0')
        (root / 'Anno/list_bbox.txt').write_text(boxes)
        dataset = build(root, on_problem='warn')
        assert [info['id'] for info in dataset.data_list] == [2, 3]

    @pytest.mark.parametrize(
        ('arguments', 'message'),
        [
            ({'split': 'validation'}, "split is 'validation', must be one of train, val, test"),
            ({'benchmark': 'fashion'}, "benchmark is 'fashion', must be one of fld"),
            ({'bbox_file': 'a.json'}, 'takes no bbox_file'),
        ],
    )
    def test_arguments(self, root: Path, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            build(root, **arguments)

    def test_no_lists(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match=r'no list_landmarks\.txt'):
            build(tmp_path)


def test_mmposes_sample(data_folder: Path) -> None:
    """Real photos: codes 2 visible, 1 occluded, 0 cut off; left is the image's left."""
    folder = data_folder / 'fld_sample'
    if not folder.is_dir():
        pytest.skip(f'no sample of FLD at {folder}: set DEEPMARK_DATA to the folder that holds it')
    dataset = build(folder, ann_file='test_fld.json', test_mode=True)
    side, front = dataset.get_data_info(0), dataset.get_data_info(1)
    assert front['bbox'].tolist() == [[1, 1, 200, 250]]
    assert front['keypoints'][0, 0, 0] < front['keypoints'][0, 1, 0]
    assert front['raw_ann_info']['keypoints'][2::3] == [2, 2, 2, 2, 2, 2, 0, 2]
    # Seen from the side, hair and body hide five landmarks.
    assert side['raw_ann_info']['keypoints'][2::3] == [1, 1, 2, 1, 2, 1, 2, 1]
    assert side['keypoints_visible'].tolist() == [[1] * 8]
