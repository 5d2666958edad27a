# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate

from deepmark.datasets import DeepFashion2Dataset
from deepmark.datasets.transforms import AspectPreservingWarp, KeepResolution, MultiScaleWarp
from deepmark.datasets.transforms.warp_matrix import transform_points

Make = Callable[..., dict[str, Any]]

FIXED = {'type': 'deepmark.AspectPreservingWarp', 'input_size': (96, 64)}
SCALED = {**FIXED, 'canvas_divisor': 32}
KEEP = {'type': 'deepmark.KeepResolution', 'divisor': 32}
BASE = Path(__file__).resolve().parents[3] / 'configs' / '_base_' / 'deepfashion2.py'


def test_two_scales_by_hand(make_results: Make) -> None:
    # 8 x 4 (w x h) into 16 x 16 at zoom 2 (centre (4, 2) to (8, 8)), at scale 0.5 at zoom 1.
    image = np.zeros((4, 8, 3), np.uint8)
    image[1, 6] = 200
    warp = {'type': 'deepmark.AspectPreservingWarp', 'input_size': (16, 16)}
    results = make_results(boxes=[], image=image)
    results = MultiScaleWarp(warp, scales=(1.0, 0.5)).transform(results)
    assert results['scale_inverse_warp_matrices'].dtype == np.float64
    assert results['scale_inverse_warp_matrices'].tolist() == [
        [[0.5, 0, 0], [0, 0.5, -2]],
        [[1, 0, -4], [0, 1, -6]],
    ]
    assert results['scale_img_shapes'] == [(16, 16), (16, 16)]
    first, second = results['scaled_imgs']
    assert first[6, 12, 0] == first.max() == 200
    assert np.argwhere(second[..., 0]).tolist() == [[7, 10]]
    assert second[7, 10, 0] == 200


@pytest.mark.parametrize('warp', [FIXED, SCALED, KEEP])
@pytest.mark.parametrize('scales', [(1.0, 0.75), (0.75,), (0.5, 1.0, 1.5)])
def test_every_scale_is_what_its_own_warp_gives(
    make_results: Make, warp: dict[str, Any], scales: tuple[float, ...]
) -> None:
    """So none is resampled twice."""
    kind = {'A': AspectPreservingWarp, 'K': KeepResolution}[warp['type'].split('.')[1][0]]
    arguments = {key: value for key, value in warp.items() if key != 'type'}
    results = MultiScaleWarp(warp, scales).transform(make_results(hw=(51, 83)))
    singles = [
        kind(scale=scale, **arguments).transform(make_results(hw=(51, 83))) for scale in scales
    ]
    for number, single in enumerate(singles):
        assert np.array_equal(results['scaled_imgs'][number], single['img'])
        inverse = results['scale_inverse_warp_matrices'][number]
        assert np.array_equal(inverse, single['inverse_warp_matrix'])
        assert results['scale_img_shapes'][number] == single['img_shape'] == single['img'].shape[:2]
    assert results['img'] is results['scaled_imgs'][0]
    for key in ('warp_matrix', 'inverse_warp_matrix', 'homography_matrix', 'gt_keypoints'):
        assert np.array_equal(results[key], singles[0][key])
    for key in ('img_shape', 'pad_shape', 'scale_factor', 'ori_shape'):
        assert results[key] == singles[0][key]
    assert results['gt_bboxes'].tensor.equal(singles[0]['gt_bboxes'].tensor)


@pytest.mark.parametrize('warp', [FIXED, SCALED, KEEP])
def test_way_back_of_every_scale(make_results: Make, warp: dict[str, Any]) -> None:
    """A soft dot lies in each image where the inverse of that scale's matrix leads back to it."""
    y, x = np.mgrid[:60, :90]
    dot = np.exp(-((x - 52) ** 2 + (y - 25) ** 2) / (2 * 4**2)).astype(np.float32)
    image = np.repeat(dot[..., None], 3, axis=2)
    results = make_results(boxes=[], image=image)
    results = MultiScaleWarp(warp, (1.0, 0.75, 0.5)).transform(results)
    for scaled, inverse in zip(
        results['scaled_imgs'], results['scale_inverse_warp_matrices'], strict=True
    ):
        weights = scaled[..., 0]
        y, x = np.mgrid[: weights.shape[0], : weights.shape[1]]
        mean = np.array([[(weights * x).sum(), (weights * y).sum()]]) / weights.sum()
        np.testing.assert_allclose(transform_points(inverse, mean), [[52, 25]], atol=0.02)


def test_an_earlier_warp_counts_in_every_scale(make_results: Make) -> None:
    halved = AspectPreservingWarp((8, 4)).transform(make_results(boxes=[], hw=(8, 16)))
    warp = {'type': 'deepmark.AspectPreservingWarp', 'input_size': (16, 8)}
    results = MultiScaleWarp(warp, (1.0, 0.5)).transform(halved)
    assert results['scale_inverse_warp_matrices'].tolist() == [
        [[1, 0, 0], [0, 1, 0]],
        [[2, 0, -8], [0, 2, -4]],
    ]


@pytest.mark.parametrize('batch_size', [1, 3])
def test_collated_batch_is_a_list_of_scales(make_results: Make, batch_size: int) -> None:
    pipeline = Compose(
        [
            {'type': 'deepmark.MultiScaleWarp', 'warp': KEEP},
            {'type': 'deepmark.PackLandmarkInputs'},
        ]
    )
    sizes_hw = [(20, 30), (70, 32), (45, 100)][:batch_size]
    batch = pseudo_collate([pipeline(make_results(boxes=[], hw=hw)) for hw in sizes_hw])
    shapes = [[tuple(tensor.shape[1:]) for tensor in scale] for scale in batch['inputs']]
    assert shapes == [
        [(32, 32), (96, 64), (64, 128)][:batch_size],
        [(32, 32), (64, 32), (64, 96)][:batch_size],
    ]
    for number, sample in enumerate(batch['data_samples']):
        assert sample.scale_img_shapes == [scale[number] for scale in shapes]
        assert sample.scale_inverse_warp_matrices.shape == (2, 2, 3)


@pytest.mark.parametrize('scales', [(), (1.0, 0.0), (-0.75,)])
def test_impossible_scales(scales: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match='must be one or more positive numbers'):
        MultiScaleWarp(FIXED, scales)


def test_a_scale_in_the_wrong_place() -> None:
    with pytest.raises(ValueError, match=r'warp has a scale of its own, 0\.5'):
        MultiScaleWarp({**FIXED, 'scale': 0.5})


@pytest.mark.usefixtures('mmdet_scope')
@pytest.mark.parametrize('keep_resolution', [False, True])
def test_base_configs_test_pipeline_on_a_real_photo(
    sample_folder: Path, keep_resolution: bool
) -> None:
    """Warped back, every scale is the photo; the truth stays in its pixels."""
    steps = Config.fromfile(BASE).df2_pipelines.px512.test
    [place] = [n for n, step in enumerate(steps) if step['type'].endswith('AspectPreservingWarp')]
    warp = KEEP if keep_resolution else steps[place]
    steps[place] = {'type': 'deepmark.MultiScaleWarp', 'warp': warp}
    dataset = DeepFashion2Dataset(
        data_root=str(sample_folder),
        ann_file='annotations_coco.json',
        pipeline=steps,
        test_mode=True,
    )
    packed = dataset[0]
    sample = packed['data_samples']
    photo = cv2.imread(sample.img_path)
    assert len(packed['inputs']) == 2
    truth = sample.instances[0]
    assert sample.gt_instances.bboxes.tensor[0].tolist() == pytest.approx(truth['bbox'])
    for tensor, inverse in zip(packed['inputs'], sample.scale_inverse_warp_matrices, strict=True):
        warped = np.ascontiguousarray(tensor.numpy().transpose(1, 2, 0))
        back = cv2.warpAffine(warped, inverse, photo.shape[1::-1])
        assert np.abs(back.astype(float) - photo)[5:-5, 5:-5].mean() < 4
