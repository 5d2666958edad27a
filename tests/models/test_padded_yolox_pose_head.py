# SPDX-License-Identifier: Apache-2.0
"""YOLOX-Pose with padded landmarks, on the tiny schema: a bar of 2 and a corner of 3 landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from mmdet.structures import DetDataSample
from mmpose.utils import register_all_modules
from torch import Tensor

from deepmark.models import PaddedYOLOXPoseHead
from deepmark.models.heads.padded_targets import padded_targets
from deepmark.schema import get_schema

BAR, CORNER = 0, 1
STRIDES = (8, 16)
CELLS = ((6, 10), (3, 5))  # of an input of 48 x 80
CHANNELS = 8


def make_head(schema: Any, **changes: Any) -> PaddedYOLOXPoseHead:
    register_all_modules()
    torch.manual_seed(0)
    settings: dict[str, Any] = dict(
        num_keypoints=3,
        num_classes=2,
        schema=schema,
        featmap_strides=STRIDES,
        head_module_cfg=dict(num_classes=2, in_channels=CHANNELS, feat_channels=CHANNELS),
        prior_generator=dict(type='MlvlPointGenerator', offset=0, strides=list(STRIDES)),
        assigner=dict(
            type='SimOTAAssigner',
            dynamic_k_indicator='iou',
            oks_calculator=dict(type='deepmark.LandmarkUnitOKS'),
        ),
        use_aux_loss=True,
        loss_cls=dict(type='BCELoss', reduction='sum'),
        loss_obj=dict(type='BCELoss', use_target_weight=True, reduction='sum'),
        loss_bbox=dict(type='IoULoss', mode='square', eps=1e-16, reduction='sum'),
        loss_oks=dict(
            type='deepmark.LandmarkUnitOKSLoss', reduction='none', norm_target_weight=True
        ),
        loss_vis=dict(type='BCELoss', use_target_weight=True),
        loss_bbox_aux=dict(type='L1Loss', reduction='sum'),
        loss_kpt_aux=dict(type='L1Loss', use_target_weight=True),
    )
    return PaddedYOLOXPoseHead(**{**settings, **changes})


def features(count: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(count, CHANNELS, h, w, generator=generator) for h, w in CELLS]


def total(losses: dict[str, Tensor]) -> Tensor:
    return sum(loss.mean() for name, loss in losses.items() if 'loss' in name)  # type: ignore[return-value]


def maps_of(garments: Sequence[tuple[int, float, list[float], Any]]) -> tuple[list[Tensor], ...]:
    """Outputs that decode to (label, score logit, box, landmarks), each at a cell of stride 8."""
    widths = (2, 1, 4, 6, 3)
    maps = tuple(
        [torch.full((1, width, h, w), -20.0 if width in (1, 2) else 0.0) for h, w in CELLS]
        for width in widths
    )
    classes, objects, boxes, points, visible = (levels[0][0] for levels in maps)
    for column, (label, logit, box, landmarks) in enumerate(garments):
        prior = torch.tensor([8.0 * column, 0.0])
        corners = torch.tensor(box).view(2, 2)
        classes[label, 0, column], objects[0, 0, column] = logit, 20.0
        boxes[:2, 0, column] = (corners.mean(0) - prior) / 8
        boxes[2:, 0, column] = ((corners[1] - corners[0]) / 8).log()
        points[:, 0, column] = ((torch.tensor(landmarks) - prior) / 8).flatten()
        visible[:, 0, column] = 20.0
    return maps


def predict(head: PaddedYOLOXPoseHead, maps: Any, **test_cfg: Any) -> Any:
    head.forward = lambda feats: maps  # type: ignore[method-assign]
    sample = DetDataSample(metainfo={'img_shape': (48, 80)})
    [found] = head.predict([], [sample], {'score_thr': 0.01, **test_cfg})
    return found


def test_targets_by_hand(tiny_schema: dict[str, Any], samples: list[DetDataSample]) -> None:
    schema = get_schema(tiny_schema)
    targets = padded_targets(samples[0].gt_instances, schema, torch.device('cpu'))
    assert targets.labels.tolist() == [CORNER, BAR]
    assert targets.keypoints_visible.tolist() == [[1, 0, 1], [1, 1, 0]]
    assert targets.keypoints_visible_weights.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert targets.keypoints[1].tolist() == [[36, 11], [70, 38], [0, 0]]
    # box area x (2 x 0.1)^2, and sigma 1 in the padding
    corner, bar = 38 * 26, 44 * 38
    assert targets.areas[0].tolist() == pytest.approx([corner * 0.04] * 3)
    assert targets.areas[1].tolist() == pytest.approx([bar * 0.04, bar * 0.04, bar * 4.0])


def test_a_garment_without_landmarks_is_left_out(
    tiny_schema: dict[str, Any], samples: list[DetDataSample]
) -> None:
    samples[0].gt_instances.keypoints_visible[0] = 0
    targets = padded_targets(samples[0].gt_instances, get_schema(tiny_schema), torch.device('cpu'))
    assert targets.labels.tolist() == [BAR]


def test_landmarks_of_another_schema(samples: list[DetDataSample]) -> None:
    with pytest.raises(ValueError, match=r'shape \(2, 3, 2\), expected \(2, 39, 2\)'):
        padded_targets(samples[0].gt_instances, get_schema(), torch.device('cpu'))


def test_losses_and_their_gradients_with_an_empty_image(
    tiny_schema: dict[str, Any], samples: list[DetDataSample]
) -> None:
    head = make_head(tiny_schema)
    losses = head.loss(features(2), samples)
    expected = {'obj', 'bbox', 'kpt', 'vis', 'cls', 'bbox_aux', 'kpt_aux'}
    assert {name for name in losses if 'loss' in name} == {f'loss_{name}' for name in expected}
    assert total(losses).isfinite()
    total(losses).backward()
    assert all(parameter.grad is not None for parameter in head.head_module.out_kpt.parameters())


def test_a_batch_without_garments_trains_the_objectness(
    tiny_schema: dict[str, Any], samples: list[DetDataSample]
) -> None:
    head = make_head(tiny_schema)
    losses = head.loss(features(1), samples[1:])
    assert list(losses) == ['loss_obj']
    assert total(losses) > 0
    assert head.use_aux_loss
    assert 'loss_kpt_aux' in head.loss(features(2), samples)


def test_the_padding_is_not_trained(
    tiny_schema: dict[str, Any], samples: list[DetDataSample]
) -> None:
    """Of a bar alone, the third landmark's outputs (x, y, visibility) have no gradient."""
    samples[0].gt_instances = samples[0].gt_instances[samples[0].gt_instances.labels == BAR]
    head = make_head(tiny_schema)
    total(head.loss(features(1), samples[:1])).backward()
    points = sum(layer.bias.grad.abs() for layer in head.head_module.out_kpt)
    visible = sum(layer.bias.grad.abs() for layer in head.head_module.out_kpt_vis)
    assert (points[:4] > 0).all()
    assert points[4:].tolist() == [0, 0]
    assert (visible[:2] > 0).all()
    assert visible[2] == 0


def test_predictions_are_cut_to_the_own_landmarks(tiny_schema: dict[str, Any]) -> None:
    landmarks = [[30.0, 12.0], [50.0, 20.0], [60.0, 40.0]]
    maps = maps_of([(BAR, 1.0, [20.0, 5.0, 70.0, 45.0], landmarks)])
    found = predict(make_head(tiny_schema), maps)
    assert found.labels.tolist() == [BAR]
    torch.testing.assert_close(found.bboxes, torch.tensor([[20.0, 5.0, 70.0, 45.0]]))
    expected = torch.tensor([[30.0, 12.0], [50.0, 20.0], [0.0, 0.0]])
    torch.testing.assert_close(found.keypoints[0], expected)
    assert found.keypoint_scores[0].tolist() == pytest.approx([1, 1, 0])
    assert found.scores.item() == pytest.approx(torch.tensor(1.0).sigmoid().item())


def test_suppression_stays_within_a_category(tiny_schema: dict[str, Any]) -> None:
    box, landmarks = [20.0, 5.0, 70.0, 45.0], [[30.0, 12.0]] * 3
    near = [21.0, 5.0, 70.0, 45.0]
    maps = maps_of(
        [(BAR, 1.0, box, landmarks), (CORNER, 3.0, box, landmarks), (BAR, 2.0, near, landmarks)]
    )
    found = predict(make_head(tiny_schema), maps, nms_thr=0.65)
    assert found.labels.tolist() == [CORNER, BAR]
    torch.testing.assert_close(found.bboxes[1], torch.tensor(near))
    assert len(predict(make_head(tiny_schema), maps, nms_thr=0.65, max_per_img=1)) == 1


def test_nothing_found(tiny_schema: dict[str, Any]) -> None:
    found = predict(make_head(tiny_schema), maps_of([]), nms_thr=0.65)
    assert found.bboxes.shape == (0, 4)
    assert found.keypoints.shape == (0, 3, 2)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'num_keypoints': 17}, 'num_keypoints=17, but .* needs 3'),
        ({'num_classes': 13}, 'num_classes=13, but .* needs 2'),
        ({'head_module_cfg': {'in_channels': 8}}, r'head_module_cfg.num_classes=1, but .* needs 2'),
    ],
)
def test_counts_are_the_schemas(
    tiny_schema: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_head(tiny_schema, **changes)


def test_bfloat16_features_are_decoded_in_float32(tiny_schema: dict[str, Any]) -> None:
    head = make_head(tiny_schema).bfloat16()
    outputs = head([level.bfloat16() for level in features(1)])
    assert {level.dtype for levels in outputs for level in levels} == {torch.float32}
