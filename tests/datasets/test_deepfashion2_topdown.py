# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2 for top-down estimators: one sample a garment, all categories."""

from __future__ import annotations

import copy
import gzip
import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmpose.registry import DATASETS as MMPOSE_DATASETS
from mmpose.utils import register_all_modules

from deepmark.datasets import DatasetError, DeepFashion2TopDownDataset
from deepmark.datasets.detected_boxes import best_of_each
from deepmark.json_file import JsonFileError
from deepmark.schema import DEEPFASHION2

from .conftest import CocoFile, NativeTree

SCHEMA = DEEPFASHION2
DRESS, SKIRT = 10, 8  # labels of category ids 11 and 9; the dress has the slots 219 .. 255


def top_down(tree: NativeTree, **arguments: Any) -> DeepFashion2TopDownDataset:
    return DeepFashion2TopDownDataset(data_root=str(tree.root), split='train', **arguments)


@pytest.fixture
def tree(native_tree: NativeTree) -> NativeTree:
    """Image 1: a dress and a skirt; image 2: nothing; image 3: a dress without landmarks."""
    native_tree.add('000001', native_tree.item(11), native_tree.item(9))
    native_tree.add('000002')
    native_tree.add('000003', native_tree.item(11, landmarks=[0] * 37 * 3))
    return native_tree


def boxes_file(folder: Path, *entries: dict[str, Any], name: str = 'boxes.json') -> str:
    path = folder / name
    content = json.dumps(list(entries)).encode()
    path.write_bytes(gzip.compress(content) if name.endswith('.gz') else content)
    return str(path)


def box(image_id: int = 1, category_id: int = 11, **changes: Any) -> dict[str, Any]:
    entry = {'image_id': image_id, 'category_id': category_id, 'bbox': [5, 6, 20, 30], 'score': 0.5}
    return {**entry, **changes}


class TestSample:
    def test_own_landmarks_stand_in_their_slots(self, tree: NativeTree) -> None:
        dataset = top_down(tree)
        assert len(dataset) == 2  # the dress without landmarks does not train
        dress = dataset[0]
        assert (dress['img_id'], dress['category_id'], dress['label']) == (1, 11, DRESS)
        assert dress['img_path'] == str(tree.images / '000001.jpg')
        assert dress['bbox'].tolist() == [[10, 20, 50, 60]]
        assert dress['bbox_score'].tolist() == [1]
        assert dress['keypoints'].shape == (1, 294, 2)
        # landmark k from 0 lies at (12 + k, 25 + k / 2)
        np.testing.assert_array_equal(dress['keypoints'][0, 219], [12, 25])
        np.testing.assert_array_equal(dress['keypoints'][0, 255], [12 + 36, 25 + 18])
        # v = 2, 1, 0, 2, 1, 0, ...: every third is not labelled
        own = [1, 1, 0] * 12 + [1]
        assert dress['keypoints_visible'][0].tolist() == [0] * 219 + own + [0] * 38
        assert dress['num_keypoints'] == 25
        assert dress['raw_ann_info']['keypoints'].shape == (37, 3)
        assert dress['raw_ann_info']['bbox'] == [10, 20, 40, 40]
        assert dataset[1]['category_id'] == 9

    def test_occluded_landmarks_train_or_not(self, tree: NativeTree) -> None:
        visible = top_down(tree, train_occluded=False)[0]['keypoints_visible'][0, 219:256]
        assert visible.tolist() == [1, 0, 0] * 12 + [1]
        tested = top_down(tree, train_occluded=False, test_mode=True)[0]['keypoints_visible']
        assert tested.sum() == 25

    def test_a_garment_whose_landmarks_are_all_occluded(self, native_tree: NativeTree) -> None:
        hidden = native_tree.item(9, landmarks=[20, 30, 1] * 8)
        native_tree.add('000001', native_tree.item(11), hidden)
        assert len(top_down(native_tree)) == 2
        assert [s['category_id'] for s in top_down(native_tree, train_occluded=False)] == [11]

    def test_samples_share_no_memory(self, tree: NativeTree) -> None:
        dataset = top_down(tree)
        for key in ('keypoints', 'keypoints_visible', 'bbox'):
            dataset[0][key][:] = -1
            assert (dataset[0][key] >= 0).all()
        dataset[0]['raw_ann_info']['keypoints'][:] = -1
        assert dataset[0]['raw_ann_info']['keypoints'].min() == 0

    def test_metainfo_for_mmpose_and_for_the_metric(self, tree: NativeTree) -> None:
        dataset = top_down(tree)
        assert dataset.metainfo['classes'] == SCHEMA.class_names
        assert dataset.metainfo['num_keypoints'] == 294
        assert dataset.metainfo['dataset_name'] == 'deepfashion2'
        assert dataset[0]['flip_indices'] == SCHEMA.slot_flip_index.tolist()

    def test_a_resumed_run_finds_equal_metainfo(self, tree: NativeTree) -> None:
        """The pickles that mmengine compares, of the saved and of the present metainfo."""
        metainfo = top_down(tree).metainfo
        file = io.BytesIO()
        torch.save({'meta': {'dataset_meta': metainfo}}, file)
        file.seek(0)
        saved = torch.load(file, weights_only=False)['meta']['dataset_meta']
        assert pickle.dumps(saved) == pickle.dumps(metainfo)


class TestGarments:
    def test_testing_shows_every_garment(self, tree: NativeTree) -> None:
        dataset = top_down(tree, test_mode=True)
        assert [(s['img_id'], s['category_id']) for s in dataset] == [(1, 11), (1, 9), (3, 11)]
        assert len({s['id'] for s in dataset}) == 3
        labelled = top_down(tree, test_mode=True, labelled_only=True)
        assert [(s['img_id'], s['category_id']) for s in labelled] == [(1, 11), (1, 9)]

    def test_crowds_do_not_train(self, coco_file: CocoFile) -> None:
        coco_file.add_image(1)
        coco_file.add_item(1, 9, iscrowd=1)
        coco_file.add_item(1, 11)
        coco_file.dataset()
        source = dict(data_root=str(coco_file.root), ann_file='val.json')
        source['data_prefix'] = {'img': 'image'}
        assert [s['category_id'] for s in DeepFashion2TopDownDataset(**source)] == [11]
        tested = DeepFashion2TopDownDataset(**source, test_mode=True)
        assert [s['iscrowd'] for s in tested] == [1, 0]
        assert tested[1]['area'] == 1234.5

    def test_subset_copy_and_pickle(self, tree: NativeTree) -> None:
        assert len(top_down(tree, test_mode=True, indices=2)) == 2
        assert top_down(tree, test_mode=True, indices=[2])[0]['img_id'] == 3
        for double in (copy.deepcopy(top_down(tree)), pickle.loads(pickle.dumps(top_down(tree)))):
            assert double[1]['category_id'] == 9
        assert top_down(tree).get_cat_ids(1) == [SKIRT]

    def test_no_dense_landmarks_are_stored(self, native_tree: NativeTree) -> None:
        native_tree.add('000001', *[native_tree.item(9)] * 100)
        samples = top_down(native_tree).data_list
        stored = len(pickle.dumps(samples.boxes)) + samples.packed.num_bytes
        assert stored < 100 * 500  # a dense float32 list of 294 x, y, v takes 3,528 bytes

    def test_only_garments_without_landmarks(self, native_tree: NativeTree) -> None:
        native_tree.add('000001', native_tree.item(9, landmarks=[0] * 24))
        with pytest.raises(DatasetError, match='train: none of 1 garments has landmarks'):
            top_down(native_tree)


class TestBoxFile:
    def test_every_category_and_empty_images_count(self, tree: NativeTree, tmp_path: Path) -> None:
        path = boxes_file(tmp_path, box(1, 11), box(2, 9, score=0.25), box(2, 1, keypoints=[1, 2]))
        dataset = top_down(tree, test_mode=True, bbox_file=path)
        assert [(s['img_id'], s['category_id']) for s in dataset] == [(1, 11), (2, 9), (2, 1)]
        second = dataset[1]
        assert second['bbox'].tolist() == [[5, 6, 25, 36]]
        assert second['bbox_score'].tolist() == [0.25]
        assert second['img_path'].endswith('000002.jpg')
        assert second['keypoints'].shape == (1, 294, 2)
        assert 'raw_ann_info' not in second

    def test_gzip_threshold_and_best_of_an_image(self, tree: NativeTree, tmp_path: Path) -> None:
        entries = [box(i, score=s) for i, s in ((1, 0.1), (3, 0.5), (1, 0.9), (1, 0.5), (1, 0.5))]
        path = boxes_file(tmp_path, *entries, name='boxes.json.gz')
        arguments = dict(test_mode=True, bbox_file=path)
        above = top_down(tree, **arguments, score_threshold=0.5)
        assert [s['id'] for s in above] == [1, 2, 3, 4]
        best = top_down(tree, **arguments, max_boxes=2)
        assert [s['id'] for s in best] == [1, 2, 3]  # of the two equal ones the first

    def test_photos_without_annotations(self, native_tree: NativeTree, tmp_path: Path) -> None:
        native_tree.add_image('000007')
        native_tree.annos.rmdir()
        path = boxes_file(tmp_path, box(7))
        assert top_down(native_tree, test_mode=True, bbox_file=path)[0]['img_id'] == 7
        with pytest.raises(DatasetError, match='give bbox_file= with detections'):
            top_down(native_tree, test_mode=True)

    @pytest.mark.parametrize(
        ('entry', 'message'),
        [
            (box(image_id=4), r'boxes\.json: \[1\]\.image_id: annotation of an unknown image \(4'),
            (box(category_id=14), r'boxes\.json: \[1\]\.category_id: unknown category \(14\)'),
        ],
    )
    def test_unknown_image_or_category(
        self, tree: NativeTree, tmp_path: Path, entry: dict[str, Any], message: str
    ) -> None:
        path = boxes_file(tmp_path, box(), entry)
        with pytest.raises(DatasetError, match=message):
            top_down(tree, test_mode=True, bbox_file=path)
        lenient = top_down(tree, test_mode=True, bbox_file=path, on_problem='warn')
        assert [s['id'] for s in lenient] == [0]

    @pytest.mark.parametrize('bbox', [[5, 6, 0, 30], [5, 6, 20, -1], [80, 6, 9, 9], [5, -9, 9, 9]])
    def test_boxes_that_cannot_be_cropped_are_left_out(
        self, tree: NativeTree, tmp_path: Path, logged: list[str], bbox: list[float]
    ) -> None:
        path = boxes_file(tmp_path, box(bbox=bbox), box(bbox=[70, 60, 30, 30]))
        dataset = top_down(tree, test_mode=True, bbox_file=path)
        assert [s['id'] for s in dataset] == [1]  # an image has 80 x 70 pixels
        assert any('boxes.json: [0].bbox' in line and 'left out' in line for line in logged)

    def test_malformed_files_name_the_entry(self, tree: NativeTree, tmp_path: Path) -> None:
        no_score = {key: value for key, value in box().items() if key != 'score'}
        path = boxes_file(tmp_path, box(), no_score)
        with pytest.raises(JsonFileError, match=r'boxes\.json: .*`score`.*\[1\]'):
            top_down(tree, test_mode=True, bbox_file=path)
        path = boxes_file(tmp_path, box(score=0.1))
        with pytest.raises(DatasetError, match=r'boxes\.json: no detection .*threshold=0\.2'):
            top_down(tree, test_mode=True, bbox_file=path, score_threshold=0.2)

    def test_no_detections_in_training(self, tree: NativeTree) -> None:
        with pytest.raises(ValueError, match='without test_mode=True'):
            top_down(tree, bbox_file='boxes.json')


def test_best_of_each_of_no_boxes() -> None:
    nothing = np.zeros(0, np.int64)
    assert best_of_each(nothing, nothing.astype(np.float32), 3).tolist() == []


def test_through_mmposes_pipeline(tree: NativeTree) -> None:
    """A mirrored dress, with targets of its own landmarks alone."""
    register_all_modules(init_default_scope=False)
    dataset = MMPOSE_DATASETS.build(
        dict(
            type='deepmark.DeepFashion2TopDownDataset',
            data_root=str(tree.root),
            split='train',
            pipeline=[
                dict(type='deepmark.LoadImage'),
                dict(type='mmpose.GetBBoxCenterScale'),
                dict(type='mmpose.RandomFlip', prob=1.0),
                dict(type='mmpose.TopdownAffine', input_size=(40, 50)),
                dict(type='deepmark.TakeOwnLandmarks'),
                dict(
                    type='mmpose.GenerateTarget',
                    encoder=dict(
                        type='mmpose.MSRAHeatmap',
                        input_size=(40, 50),
                        heatmap_size=(10, 13),
                        sigma=1,
                    ),
                ),
                dict(type='mmpose.PackPoseInputs'),
            ],
        )
    )
    assert isinstance(dataset.pipeline, Compose)
    sample = dataset[0]['data_samples']
    assert sample.category_id == 11
    assert sample.gt_fields.heatmaps.shape == (39, 13, 10)
    weights = sample.gt_instance_labels.keypoint_weights[0]
    assert weights[37:].sum() == 0
    # Landmark 2 of the file (v = 1) and landmark 6 (v = 0) are a pair: mirrored, 6 is labelled.
    assert SCHEMA.flip_index[DRESS, 1] == 5
    assert weights[[1, 5]].tolist() == [0, 1]
    # It lies at x = 13 of 80, mirrored 66, which stands in the mirrored image.
    np.testing.assert_allclose(sample.gt_instances.keypoints[0, 5], [79 - 13, 25.5])
