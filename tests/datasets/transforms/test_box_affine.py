# SPDX-License-Identifier: Apache-2.0
"""The benchmarks' crop: the box alone, width and height each scaled for itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.datasets.transforms import GetBBoxCenterScale, RandomFlip, TopdownAffine
from mmpose.models import TopdownPoseEstimator
from mmpose.structures import PoseDataSample

from deepmark.datasets.transforms import BoxAffine

KEYPOINTS = [[[30.0, 20.0], [80.0, 45.0], [55.5, 32.25]]]


def results(box: list[float], **more: Any) -> dict[str, Any]:
    height, width = 90, 120
    photo = np.zeros((height, width, 3), np.uint8)
    photo[20, 30] = 255
    data = {
        'img': photo,
        'img_shape': (height, width),
        'bbox': np.array([box], np.float32),
        'keypoints': np.array(KEYPOINTS, np.float32),
        'keypoints_visible': np.ones((1, 3), np.float32),
        'flip_indices': [1, 0, 2],
        **more,
    }
    return GetBBoxCenterScale(padding=1.0).transform(data)


def to_image(data: dict[str, Any]) -> np.ndarray:
    """Transformed keypoints, through mmpose's own way back."""
    sample = PoseDataSample(
        gt_instances=InstanceData(bboxes=data['bbox'], bbox_scores=data.get('bbox_score', [1])),
        metainfo={key: data[key] for key in ('input_size', 'input_center', 'input_scale')},
    )
    predicted = InstanceData(
        keypoints=data['transformed_keypoints'].astype(np.float64), keypoint_scores=np.ones((1, 3))
    )
    estimator = TopdownPoseEstimator.__new__(TopdownPoseEstimator)
    object.__setattr__(estimator, 'test_cfg', {})
    (sample,) = TopdownPoseEstimator.add_pred_to_datasample(estimator, [predicted], None, [sample])
    return np.asarray(sample.pred_instances.keypoints)


def test_box_corners_become_input_corners() -> None:
    # The box is 100 x 50 at (10, 10): x times 2.24, y times 4.48.
    data = BoxAffine((224, 224)).transform(results([10, 10, 110, 60]))
    expected = [[20 * 2.24, 10 * 4.48], [70 * 2.24, 35 * 4.48], [45.5 * 2.24, 22.25 * 4.48]]
    np.testing.assert_allclose(data['transformed_keypoints'][0], expected, rtol=1e-6)
    assert data['img'].shape == (224, 224, 3)
    assert data['input_size'] == (224, 224)


def test_the_image_goes_where_its_keypoints_go() -> None:
    data = BoxAffine((200, 100)).transform(results([10, 10, 110, 60]))
    bright = np.argwhere(data['img'][..., 0] == 255)
    # Pixel (30, 20), scaled by (2, 2): input pixel (40, 20).
    assert bright.tolist() == [[20, 40]]
    assert data['transformed_keypoints'][0, 0].tolist() == [40, 20]


@pytest.mark.parametrize('box', [[10, 10, 110, 60], [28, 3, 83, 88], [0.5, 0.25, 119.75, 89.5]])
@pytest.mark.parametrize('input_size', [(224, 224), (192, 256), (63, 97)])
def test_there_and_back(box: list[float], input_size: tuple[int, int]) -> None:
    data = BoxAffine(input_size).transform(results(box))
    np.testing.assert_allclose(to_image(data), KEYPOINTS, atol=1e-4)


def test_there_and_back_after_a_flip() -> None:
    data = RandomFlip(prob=1.0).transform(results([10, 10, 110, 60]))
    data = BoxAffine((224, 224)).transform(data)
    # x becomes 119 - x, and the first two exchange their places.
    expected = [[[119 - 80, 45], [119 - 30, 20], [119 - 55.5, 32.25]]]
    np.testing.assert_allclose(to_image(data), expected, atol=1e-4)
    # In the crop, too: mirrored about the middle of the mirrored box, at 119 - 60 = 59.
    plain = BoxAffine((224, 224)).transform(results([10, 10, 110, 60]))
    np.testing.assert_allclose(
        data['transformed_keypoints'][0, 2, 0],
        224 - plain['transformed_keypoints'][0, 2, 0],
        atol=1e-3,
    )


@pytest.mark.parametrize('degrees', [0.0, 30.0, -75.0])
def test_equals_mmposes_affine_for_a_box_of_the_inputs_shape(degrees: float) -> None:
    box = [20.0, 10.0, 80.0, 70.0]
    rotation = {'bbox_rotation': np.array([degrees], np.float32)}
    ours = BoxAffine((96, 96)).transform(results(box, **rotation))
    mmposes = TopdownAffine((96, 96)).transform(results(box, **rotation))
    np.testing.assert_allclose(
        ours['transformed_keypoints'], mmposes['transformed_keypoints'], atol=1e-3
    )
    np.testing.assert_array_equal(ours['img'], mmposes['img'])


class TestErrors:
    def test_input_size(self) -> None:
        with pytest.raises(ValueError, match=r'input_size is \(0, 224\)'):
            BoxAffine((0, 224))

    def test_box_without_size(self) -> None:
        data = results([10, 10, 10, 60], img_path='a.jpg')
        with pytest.raises(ValueError, match=r'a\.jpg: .* must be one box with a size'):
            BoxAffine((224, 224)).transform(data)
