# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from deepmark.datasets.transforms import LoadLandmarks
from deepmark.schema import DEEPFASHION2, Category, LandmarkSchema


def test_ragged_to_padded() -> None:
    shorts = np.array([[k, 10 + k, 2] for k in range(10)], np.float32)
    skirt = np.array([[100 + k, k, k % 3] for k in range(8)], np.float32)
    instances = [{'bbox_label': 6, 'keypoints': shorts}, {'bbox_label': 8, 'keypoints': skirt}]
    results = LoadLandmarks().transform({'instances': instances})
    points, visible = results['gt_keypoints'], results['gt_keypoints_visible']
    assert points.shape == (2, 39, 2)
    assert (points.dtype, visible.dtype) == (np.float32, np.uint8)
    assert points[0, :10].tolist() == [[k, 10 + k] for k in range(10)]
    assert visible[1, :8].tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert points[1, 1].tolist() == [101, 1]
    assert points[1, 0].tolist() == [0, 0]  # not labelled
    assert visible[0, 10:].sum() == visible[1, 8:].sum() == 0
    assert points[1, 8:].sum() == 0


def test_category_with_the_longest_list_has_no_padding() -> None:
    label = int(np.argmax(DEEPFASHION2.num_keypoints))
    keypoints = np.ones((39, 3), np.float32)
    instances = [{'bbox_label': label, 'keypoints': keypoints}]
    visible = LoadLandmarks().transform({'instances': instances})['gt_keypoints_visible']
    assert visible.tolist() == [[1] * 39]


@pytest.mark.parametrize('results', [{}, {'instances': []}])
def test_no_instances(results: dict[str, list[object]]) -> None:
    loaded = LoadLandmarks().transform(results)
    assert loaded['gt_keypoints'].shape == (0, 39, 2)
    assert loaded['gt_keypoints_visible'].shape == (0, 39)


def test_own_schema() -> None:
    shoe = Category('shoe', 1, 2, (), (), (0.1, 0.1), keypoint_names=('heel', 'toe'))
    loader = LoadLandmarks(schema=LandmarkSchema('shoes', [shoe]))
    instances = [{'bbox_label': 0, 'keypoints': np.array([[1, 2, 2], [3, 4, 1]], np.float32)}]
    assert loader.transform({'instances': instances})['gt_keypoints'].tolist() == [[[1, 2], [3, 4]]]
    assert "schema='shoes'" in repr(loader)


@pytest.mark.parametrize('keypoints', [np.zeros((9, 3)), np.zeros((10, 2)), None])
def test_landmarks_of_another_schema_are_named(keypoints: np.ndarray | None) -> None:
    instance = {'bbox_label': 6} | ({} if keypoints is None else {'keypoints': keypoints})
    with pytest.raises(ValueError, match=r"a\.jpg: instances\[0\]\.keypoints .* 'shorts' needs"):
        LoadLandmarks().transform({'instances': [instance], 'img_path': 'a.jpg'})
