# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from deepmark.datasets.transforms import (
    AspectPreservingWarp,
    MultiScaleWarp,
    PackLandmarkInputs,
    PhotometricJitter,
    RandomFlipLandmarks,
)

Make = Callable[..., dict[str, Any]]


def test_landmarks_and_matrices_are_packed(make_results: Make) -> None:
    results = make_results(boxes=[(1, 1, 3, 4), (0, 0, 2, 2)], landmarks=[(2, 3, 1)])
    results = AspectPreservingWarp((14, 14)).transform(results)
    packed = PackLandmarkInputs().transform(results)
    sample = packed['data_samples']
    assert packed['inputs'].shape == (3, 14, 14)
    truth = sample.gt_instances
    assert truth.keypoints.shape == (2, 39, 2)
    assert truth.keypoints[0, 0].tolist() == [4, 8]
    assert truth.keypoints_visible.dtype == torch.uint8
    assert truth.keypoints_visible[1, 0] == 1
    assert truth.labels.tolist() == [8, 8]
    assert len(truth.masks) == 2
    assert sample.inverse_warp_matrix.tolist() == [[0.5, 0, 0], [0, 0.5, -1]]
    assert sample.ori_shape == (5, 7)
    assert sample.img_shape == sample.pad_shape == (14, 14)


def test_ignored_garments_go_where_mmdet_puts_them(make_results: Make) -> None:
    results = make_results(boxes=[(1, 1, 3, 4), (0, 0, 2, 2)], landmarks=[(2, 3, 1)])
    results['gt_ignore_flags'] = np.array([True, False])
    sample = PackLandmarkInputs().transform(results)['data_samples']
    assert len(sample.gt_instances) == len(sample.ignored_instances) == 1
    assert sample.ignored_instances.keypoints[0, 0].tolist() == [2, 3]


def test_image_without_garments(make_results: Make) -> None:
    truth = PackLandmarkInputs().transform(make_results(boxes=[]))['data_samples'].gt_instances
    assert truth.keypoints.shape == (0, 39, 2)
    assert truth.bboxes.shape == (0, 4)


def test_truth_travels_in_testing_only(make_results: Make) -> None:
    results = make_results() | {'instances': [{'bbox': [1, 2, 3, 4]}]}
    sample = PackLandmarkInputs().transform({**results, 'test_mode': True})['data_samples']
    assert sample.instances == [{'bbox': [1, 2, 3, 4]}]
    assert 'instances' not in PackLandmarkInputs().transform(results)['data_samples']


def test_unmoved_image_has_the_identity(make_results: Make) -> None:
    sample = PackLandmarkInputs().transform(make_results())['data_samples']
    assert sample.warp_matrix.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert sample.inverse_warp_matrix.tolist() == [[1, 0, 0], [0, 1, 0]]


def test_float_images_are_packed_as_floats(make_results: Make) -> None:
    results = make_results()
    results['img'] = results['img'].astype(np.float32)
    assert PackLandmarkInputs().transform(results)['inputs'].dtype == torch.float32


def test_planes_are_packed_without_a_copy(make_results: Make) -> None:
    results = PhotometricJitter().transform(make_results())
    image = results['img']
    inputs = PackLandmarkInputs().transform(results)['inputs']
    assert np.shares_memory(inputs.numpy(), image)
    np.testing.assert_array_equal(inputs.numpy(), image.transpose(2, 0, 1))


def test_mirrored_view_is_packed(make_results: Make) -> None:
    results = make_results(boxes=[])
    expected = results['img'][:, ::-1].transpose(2, 0, 1).tolist()
    flipped = RandomFlipLandmarks(1.0).transform(results)
    assert PackLandmarkInputs().transform(flipped)['inputs'].tolist() == expected


def test_own_meta_keys(make_results: Make) -> None:
    sample = PackLandmarkInputs(meta_keys=('img_path',)).transform(make_results())['data_samples']
    assert sample.metainfo == {'img_path': 'photo.jpg'}


def test_landmarks_left_behind_by_another_library_are_noticed(make_results: Make) -> None:
    results = make_results()
    results['homography_matrix'] = np.diag([2, 2, 1]).astype(np.float32)
    with pytest.raises(ValueError, match=r'photo\.jpg: gt_keypoints no longer fits the image'):
        PackLandmarkInputs().transform(results)


SCALED = {'type': 'deepmark.AspectPreservingWarp', 'input_size': (16, 8), 'canvas_divisor': 2}


def test_all_scales_are_packed(make_results: Make) -> None:
    # 7 x 5 into 16 x 8 at zoom 1.6, then 0.8 into 8 x 4: centre (3.5, 2.5) to (8, 4) and (4, 2).
    results = MultiScaleWarp(SCALED, scales=(1, 0.5)).transform(make_results())
    packed = PackLandmarkInputs().transform(results)
    assert isinstance(packed['inputs'], list)
    for tensor, image in zip(packed['inputs'], results['scaled_imgs'], strict=True):
        assert tensor.dtype == torch.uint8
        assert torch.equal(tensor, torch.from_numpy(image).permute(2, 0, 1))
    sample = packed['data_samples']
    assert sample.scale_img_shapes == [(8, 16), (4, 8)]
    assert sample.img_shape == (8, 16)
    inverse = sample.scale_inverse_warp_matrices
    np.testing.assert_allclose(
        inverse, [[[0.625, 0, -1.5], [0, 0.625, 0]], [[1.25, 0, -1.5], [0, 1.25, 0]]], atol=1e-12
    )
    assert np.array_equal(inverse[0], sample.inverse_warp_matrix)
    assert len(sample.gt_instances) == 1


def test_one_scale_is_packed_as_a_list_too(make_results: Make) -> None:
    results = MultiScaleWarp(SCALED, scales=[1]).transform(make_results())
    packed = PackLandmarkInputs().transform(results)
    assert [tuple(tensor.shape) for tensor in packed['inputs']] == [(3, 8, 16)]


def test_a_change_of_the_first_scale_only_is_noticed(make_results: Make) -> None:
    results = MultiScaleWarp(SCALED).transform(make_results(boxes=[]))
    results['img'] = results['img'][:, ::-1]
    with pytest.raises(ValueError, match=r'photo\.jpg: a transform after MultiScaleWarp changed'):
        PackLandmarkInputs().transform(results)
