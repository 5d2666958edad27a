# SPDX-License-Identifier: Apache-2.0
"""Truth and predictions end up in the frame of the picture."""

from __future__ import annotations

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.structures import InstanceData

from deepmark.schema import DEEPFASHION2
from deepmark.visualization.sample_garments import (
    garments_of_instances,
    truth_of_sample,
)

SKIRT = 8
ORIGINAL_HW, INPUT_HW = (100, 200), (64, 64)


def sample(with_instances: bool = True) -> DetDataSample:
    """A skirt with the box (10, 20, 50, 60) in the original and (7, 14, 27, 34) in the input."""
    keypoints = torch.zeros(1, DEEPFASHION2.max_keypoints, 2)
    keypoints[0, 0] = torch.tensor([7.0, 14.0])
    visible = torch.zeros(1, DEEPFASHION2.max_keypoints, dtype=torch.uint8)
    visible[0, 0] = 2
    own = np.zeros((8, 3), np.float32)
    own[0] = 10, 20, 2
    metainfo = {'ori_shape': ORIGINAL_HW, 'img_shape': INPUT_HW}
    if with_instances:
        metainfo['instances'] = [
            {'bbox': [10.0, 20.0, 50.0, 60.0], 'bbox_label': SKIRT, 'keypoints': own}
        ]
    return DetDataSample(
        metainfo=metainfo,
        gt_instances=InstanceData(
            bboxes=HorizontalBoxes(torch.tensor([[7.0, 14, 27, 34]])),
            labels=torch.tensor([SKIRT]),
            keypoints=keypoints,
            keypoints_visible=visible,
        ),
    )


def test_on_the_original_photo_the_records_are_drawn() -> None:
    truth = truth_of_sample(sample(), ORIGINAL_HW, DEEPFASHION2)
    assert truth.boxes_xyxy.tolist() == [[10, 20, 50, 60]]
    assert truth.keypoints[0, 0].tolist() == [10, 20]
    assert truth.visibility[0, :2].tolist() == [2, 0]


def test_on_the_network_input_nothing_is_mapped() -> None:
    truth = truth_of_sample(sample(), INPUT_HW, DEEPFASHION2)
    assert truth.boxes_xyxy.tolist() == [[7, 14, 27, 34]]


def test_without_records_the_instances_are_taken_as_they_are() -> None:
    truth = truth_of_sample(sample(with_instances=False), ORIGINAL_HW, DEEPFASHION2)
    assert truth.boxes_xyxy.tolist() == [[7, 14, 27, 34]]
    assert truth.keypoints[0, 0].tolist() == [7, 14]
    assert truth.visibility[0, :2].tolist() == [2, 0]


def test_a_sample_without_truth_gives_none() -> None:
    assert truth_of_sample(DetDataSample(), ORIGINAL_HW, DEEPFASHION2) is None


def test_scores_decide_which_predictions_are_drawn() -> None:
    instances = InstanceData(
        bboxes=torch.eye(3, 4),
        labels=torch.tensor([0, 1, 2]),
        scores=torch.tensor([0.1, 0.3, 0.9]).bfloat16(),
    )
    garments = garments_of_instances(instances, score_thr=0.25)
    assert garments.labels.tolist() == [1, 2]
    assert garments.keypoints is None
