# SPDX-License-Identifier: Apache-2.0
"""Our transforms among mmdet's, on files."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmengine.dataset import Compose

from deepmark.datasets import DeepFashion2Dataset
from deepmark.datasets.transforms.warp_matrix import transform_boxes, transform_points

pytestmark = pytest.mark.usefixtures('mmdet_scope')

LOAD = [
    {'type': 'LoadImageFromFile'},
    {'type': 'LoadAnnotations', 'with_bbox': True, 'with_mask': True, 'poly2mask': False},
]
LANDMARKS = {'type': 'deepmark.LoadLandmarks'}
CROP = {'type': 'deepmark.RandomCenterCropScale', 'input_size': (96, 64)}
FLIP = {'type': 'deepmark.RandomFlipLandmarks', 'prob': 1.0}
FIT = {'type': 'deepmark.AspectPreservingWarp', 'input_size': (96, 64)}
COLOR = {'type': 'deepmark.PhotometricJitter'}
PACK = {'type': 'deepmark.PackLandmarkInputs'}
RESIZE = {'type': 'Resize', 'scale': (160, 140), 'keep_ratio': True}
HALF_FLIP = {'type': 'RandomFlip', 'prob': 1.0}


@pytest.fixture
def record(native_tree: Any) -> dict[str, Any]:
    native_tree.add('000001', native_tree.item(11), native_tree.item(7), wh=(80, 70))
    data: dict[str, Any] = native_tree.dataset(with_polygons=True).get_data_info(0)
    return data


def test_boxes_only_pipeline_of_mmdet(record: dict[str, Any]) -> None:
    packed = Compose([*LOAD, RESIZE, HALF_FLIP, {'type': 'PackDetInputs'}])(record)
    boxes = packed['data_samples'].gt_instances.bboxes.tensor
    assert packed['inputs'].shape == (3, 140, 160)
    assert boxes[0].tolist() == [60, 40, 140, 120]


@pytest.mark.parametrize('steps', [[RESIZE, FIT], [RESIZE, HALF_FLIP, FIT]])
def test_ours_after_mmdets(record: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    sample = Compose([*LOAD, *steps, COLOR, PACK])(record)['data_samples']
    boxes = sample.gt_instances.bboxes.tensor.numpy()
    assert boxes.shape == (2, 4)
    back = transform_boxes(sample.inverse_warp_matrix, boxes)
    np.testing.assert_allclose(back, [[10, 20, 50, 60]] * 2, atol=1e-3)


@pytest.mark.parametrize('steps', [[FIT, RESIZE], [FIT, HALF_FLIP, RESIZE], [FLIP, FIT, HALF_FLIP]])
def test_mmdets_after_ours(record: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    sample = Compose([*LOAD, *steps, PACK])(record)['data_samples']
    boxes = sample.gt_instances.bboxes.tensor.numpy()
    back = transform_boxes(sample.inverse_warp_matrix, boxes)
    np.testing.assert_allclose(back, [[10, 20, 50, 60]] * 2, atol=1e-3)


def test_mmdets_photometry_takes_our_images(record: dict[str, Any]) -> None:
    steps = [CROP, COLOR, {'type': 'PhotoMetricDistortion'}, {'type': 'Pad', 'size_divisor': 128}]
    packed = Compose([*LOAD, LANDMARKS, *steps, PACK])(record)
    assert packed['inputs'].shape == (3, 128, 128)
    assert len(packed['data_samples'].gt_instances.keypoints) == 2


@pytest.mark.parametrize('steps', [[RESIZE], [HALF_FLIP], [CROP, HALF_FLIP], [RESIZE, CROP]])
def test_landmarks_never_fall_behind_in_silence(
    record: dict[str, Any], steps: list[dict[str, Any]]
) -> None:
    with pytest.raises(ValueError, match='gt_keypoints no longer fits the image'):
        Compose([*LOAD, LANDMARKS, *steps, PACK])(record)


@pytest.mark.parametrize('steps', [[CROP, FLIP], [FLIP, CROP], [FIT, FLIP, COLOR]])
def test_landmarks_and_polygons_lead_back_to_the_file(
    record: dict[str, Any], steps: list[dict[str, Any]]
) -> None:
    random.seed(0)
    truth = record['instances'][0]['keypoints'].copy()
    sample = Compose([*LOAD, LANDMARKS, *steps, PACK])(record)['data_samples']
    back = transform_points(sample.inverse_warp_matrix, sample.gt_instances.keypoints[0].numpy())
    seen = sample.gt_instances.keypoints_visible[0].numpy() > 0
    assert seen.sum() >= 5
    found = {tuple(np.round(point, 2)) for point in back[seen]}
    assert found <= {(float(x), float(y)) for x, y, v in truth if v > 0}
    polygon = sample.gt_instances.masks.masks[0][0].reshape(-1, 2)
    corners = transform_points(sample.inverse_warp_matrix, polygon)
    np.testing.assert_allclose(corners, [[10, 20], [50, 20], [50, 60]], atol=1e-6)


def test_flipped_landmark_has_its_partners_number(record: dict[str, Any]) -> None:
    truth = record['instances'][1]['keypoints'].copy()  # shorts: 1-3 swap, 2 stays
    sample = Compose([*LOAD, LANDMARKS, FIT, FLIP, PACK])(record)['data_samples']
    inverse = sample.inverse_warp_matrix
    back = transform_points(inverse, sample.gt_instances.keypoints[1, :3].numpy())
    visible = sample.gt_instances.keypoints_visible[1, :3].numpy()
    assert visible.tolist() == [0, 1, 2]
    np.testing.assert_allclose(back[1:], truth[[1, 0], :2], atol=1e-3)


def test_real_photo(sample_folder: Path) -> None:
    """The warped photo, warped back, is the photo; its landmarks lie in the warped box."""
    fit = {'type': 'deepmark.AspectPreservingWarp', 'input_size': (1000, 1000)}
    pipeline = [{'type': 'deepmark.LoadImage'}, LOAD[1], LANDMARKS, fit, PACK]
    dataset = DeepFashion2Dataset(
        data_root=str(sample_folder),
        ann_file='annotations_coco.json',
        with_polygons=True,
        pipeline=pipeline,
    )
    packed = dataset[0]
    sample = packed['data_samples']
    warped = np.ascontiguousarray(packed['inputs'].numpy().transpose(1, 2, 0))
    photo = cv2.imread(sample.img_path)
    back = cv2.warpAffine(warped, sample.inverse_warp_matrix, photo.shape[1::-1])
    assert np.abs(back.astype(float) - photo)[5:-5, 5:-5].mean() < 3
    truth = sample.gt_instances
    seen = truth.keypoints_visible[0] > 0
    x1, y1, x2, y2 = truth.bboxes.tensor[0].tolist()
    points = truth.keypoints[0][seen]
    assert int(seen.sum()) == 28
    assert points[:, 0].min() >= x1
    assert points[:, 0].max() <= x2
    assert points[:, 1].min() >= y1
    assert points[:, 1].max() <= y2
