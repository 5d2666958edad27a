# SPDX-License-Identifier: Apache-2.0
"""The way from output cells back to the original image, worked out by hand at stride 4."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from deepmark.codecs import CenterKeypointCodec, Detections
from deepmark.models.heads.results import detections_to_instances, input_to_original

BAR, CORNER = 0, 1


def results_of(
    schema: dict[str, Any], metainfo: dict[str, Any], rescale: bool = True
) -> InstanceData:
    """A bar and a corner in the box (1, 2) .. (3, 5) of the map, with other landmarks each."""
    detections = Detections(
        boxes_xyxy=torch.tensor([[[1.0, 2, 3, 5], [1, 2, 3, 5]]]),
        scores=torch.tensor([[0.9, 0.8]]),
        labels=torch.tensor([[BAR, CORNER]]),
        keypoints=torch.tensor([[[[1.0, 2], [3, 4], [0, 0]], [[1, 2], [2, 3], [3, 5]]]]),
        keypoint_scores=torch.tensor([[[0.1, 0.2, 0.0], [0.3, 0.4, 0.5]]]),
    )
    codec = CenterKeypointCodec(schema, stride=4)
    samples = [DetDataSample(metainfo=metainfo)]
    [results] = detections_to_instances(detections, codec, samples, rescale, score_thr=0.0)
    return results


def test_without_rescale_they_stay_in_input_pixels(tiny_schema: dict[str, Any]) -> None:
    results = results_of(tiny_schema, {'flip': True, 'flip_direction': 'horizontal'}, rescale=False)
    assert results.bboxes.tolist() == [[4, 8, 12, 20]] * 2
    assert results.keypoints[BAR].tolist() == [[4, 8], [12, 16], [0, 0]]


def test_mmdet_scale_factor(tiny_schema: dict[str, Any]) -> None:
    results = results_of(tiny_schema, {'scale_factor': (0.5, 0.25), 'flip': False})
    assert results.bboxes.tolist() == [[8, 32, 24, 80]] * 2
    assert results.keypoints[BAR].tolist() == [[8, 32], [24, 64], [0, 0]]


def test_a_shift_leaves_the_padding_at_zero(tiny_schema: dict[str, Any]) -> None:
    results = results_of(tiny_schema, {'inverse_warp_matrix': [[2, 0, 10], [0, 3, -5]]})
    assert results.bboxes.tolist() == [[18, 19, 34, 55]] * 2
    assert results.keypoints[BAR].tolist() == [[18, 19], [34, 43], [0, 0]]
    assert results.keypoints[CORNER].tolist() == [[18, 19], [26, 31], [34, 55]]


def test_a_mirror_exchanges_sides_of_boxes_and_landmarks(tiny_schema: dict[str, Any]) -> None:
    # An image of width 21: x -> 20 - x. The bar's landmarks are a pair, the corner's are not.
    metainfo = {'inverse_warp_matrix': [[-1, 0, 20], [0, 1, 0]], 'flip': True}
    results = results_of(tiny_schema, metainfo)
    assert results.bboxes.tolist() == [[8, 8, 16, 20]] * 2
    assert results.keypoints[BAR].tolist() == [[8, 16], [16, 8], [0, 0]]
    assert results.keypoints[CORNER].tolist() == [[16, 8], [12, 12], [8, 20]]
    expected_scores = torch.tensor([[0.2, 0.1, 0.0], [0.3, 0.4, 0.5]])
    assert torch.equal(results.keypoint_scores, expected_scores)


def test_no_garment_at_all(tiny_schema: dict[str, Any]) -> None:
    empty = Detections(
        boxes_xyxy=torch.zeros(1, 0, 4),
        scores=torch.zeros(1, 0),
        labels=torch.zeros(1, 0, dtype=torch.long),
        keypoints=torch.zeros(1, 0, 3, 2),
        keypoint_scores=torch.zeros(1, 0, 3),
    )
    samples = [DetDataSample(metainfo={'inverse_warp_matrix': [[-1, 0, 20], [0, 1, 0]]})]
    codec = CenterKeypointCodec(tiny_schema)
    [results] = detections_to_instances(empty, codec, samples, rescale=True, score_thr=0.0)
    assert results.bboxes.shape == (0, 4)
    assert results.keypoints.shape == (0, 3, 2)


def test_a_flip_that_only_mmdet_knows_of_is_refused() -> None:
    metainfo = {'scale_factor': (0.5, 0.5), 'flip': True, 'flip_direction': 'horizontal'}
    with pytest.raises(ValueError, match=r'flipped \(horizontal\).*deepmark\.PackLandmarkInputs'):
        input_to_original(metainfo)
