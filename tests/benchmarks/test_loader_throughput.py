# SPDX-License-Identifier: Apache-2.0
"""The loader's measurement, on a handful of small photos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from deepmark.benchmarks import loader_throughput
from deepmark.benchmarks.loader_throughput import bench_loader
from deepmark.benchmarks.mmpose_bottom_up import BottomUpDataset, bottom_up_record
from deepmark.schema import DEEPFASHION2

PIPELINE: list[dict[str, Any]] = [
    {'type': 'deepmark.LoadImage'},
    {'type': 'mmdet.LoadAnnotations', 'with_bbox': True},
    {'type': 'deepmark.LoadLandmarks'},
    {'type': 'deepmark.RandomCenterCropScale', 'input_size': (64, 64)},
    {'type': 'deepmark.PackLandmarkInputs'},
]


def test_every_way_and_every_step_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader_throughput, 'PHOTO_SIDES', (96, 128))
    threads = cv2.getNumThreads()
    measured = bench_loader(tmp_path, PIPELINE, (64, 64), photos=3, rounds=2, workers=0)
    assert cv2.getNumThreads() == threads
    assert {path.name for path in tmp_path.glob('side*')} == {'side96', 'side128'}
    assert len(list(tmp_path.glob('side*/image/*.jpg'))) == 4  # 3, rounded up to two of each size
    steps = [name.removeprefix('loader_ms_') for name in measured if 'loader_ms_' in name]
    assert steps == [
        'record',
        'load_image',
        'load_annotations',
        'load_landmarks',
        'random_center_crop_scale',
        'pack_landmark_inputs',
    ]
    assert min(measured.values()) > 0
    ours = measured['loader_images_per_second_one_process']
    for ratio, rival in [('decode', 'decode_and_warp'), ('mmpose', 'mmpose_bottom_up')]:
        expected = measured[f'{rival}_images_per_second'] / ours
        assert measured[f'loader_ratio_vs_{ratio}'] == pytest.approx(expected)


def _record(path: Path) -> dict[str, Any]:
    """A skirt (slots 182 .. 189) whose landmark k lies at (10 + k, 20), one of them occluded."""
    keypoints = np.array([[10 + k, 20, 2] for k in range(8)], np.float32)
    keypoints[2, 2], keypoints[5] = 1, 0
    skirt = {
        'bbox': [5.0, 6.0, 45.0, 46.0],
        'bbox_label': 8,
        'ignore_flag': 0,
        'area': 1600.0,
        'keypoints': keypoints,
        'annotation_id': 77,
    }
    return {'img_id': 3, 'img_path': str(path), 'instances': [skirt]}


def test_mmposes_record_by_hand() -> None:
    record = bottom_up_record(_record(Path('photo.jpg')), DEEPFASHION2)
    assert record['keypoints'].shape == (1, 294, 2)
    assert record['keypoints'][0, 182:190, 0].tolist() == [10, 11, 12, 13, 14, 0, 16, 17]
    assert record['keypoints_visible'][0, 182:190].tolist() == [1, 1, 1, 1, 1, 0, 1, 1]
    assert record['keypoints_visible'].sum() == record['num_keypoints'][0] == 7
    assert record['category_id'] == [9]
    assert record['bbox'].tolist() == [[5, 6, 45, 46]]


@pytest.mark.filterwarnings('ignore:The shape of value will convert')
def test_mmposes_pipeline_draws_its_targets(tmp_path: Path) -> None:
    path = tmp_path / 'photo.jpg'
    assert cv2.imwrite(str(path), np.full((60, 50, 3), 90, np.uint8))
    packed = BottomUpDataset([_record(path)], DEEPFASHION2, (128, 128))[0]
    assert packed['inputs'].shape == (3, 128, 128)
    assert packed['data_samples'].gt_fields.heatmaps.shape == (294, 32, 32)
