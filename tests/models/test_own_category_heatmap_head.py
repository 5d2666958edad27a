# SPDX-License-Identifier: Apache-2.0
"""The head that works on own-category channels, beside mmpose's dense one with equal weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.models.heads import HeatmapHead
from mmpose.structures import PoseDataSample
from mmpose.utils import register_all_modules
from torch import Tensor

from deepmark.models import OwnCategoryHeatmapHead
from deepmark.schema import DEEPFASHION2

SCHEMA = DEEPFASHION2
CATEGORY_IDS = (9, 4)  # 8 and 39 landmarks, the shortest and the longest list
H, W, CHANNELS = 8, 6, 5
CODEC = dict(type='MSRAHeatmap', input_size=(24, 32), heatmap_size=(W, H), sigma=1)


@pytest.fixture(autouse=True)
def _mmpose_scope() -> None:
    register_all_modules()


def heads(**kwargs: Any) -> tuple[OwnCategoryHeatmapHead, HeatmapHead]:
    """Ours and mmpose's with the same weights, large enough to matter."""
    torch.manual_seed(0)
    arguments = dict(in_channels=CHANNELS, deconv_out_channels=None, decoder=dict(CODEC), **kwargs)
    arguments['loss'] = dict(type='KeypointMSELoss', use_target_weight=True)
    own, dense = OwnCategoryHeatmapHead(**arguments), HeatmapHead(out_channels=294, **arguments)
    dense.load_state_dict(own.state_dict())
    return own.eval(), dense.eval()


def features() -> tuple[Tensor]:
    return (torch.randn(2, CHANNELS, H, W, generator=torch.Generator().manual_seed(1)),)


def slots_of(category_id: int) -> slice:
    label = SCHEMA.label_of(category_id)
    return slice(*SCHEMA.slot_offsets[label : label + 2].tolist())


def samples(dense: bool) -> list[PoseDataSample]:
    """Random targets and weights for both garments, in slots or class-local."""
    generator = torch.Generator().manual_seed(2)
    result = []
    for category_id in CATEGORY_IDS:
        own = slots_of(category_id)
        count = own.stop - own.start
        place = own if dense else slice(0, count)
        maps = torch.zeros(294 if dense else 39, H, W)
        weights = torch.zeros(1, len(maps))
        maps[place] = torch.rand(count, H, W, generator=generator)
        weights[0, place] = (torch.rand(count, generator=generator) > 0.3).float()
        sample = PoseDataSample(metainfo=dict(category_id=category_id))
        sample.set_metainfo(dict(flip_indices=SCHEMA.slot_flip_index.tolist()))
        sample.gt_fields = PixelData(heatmaps=maps)
        sample.gt_instance_labels = InstanceData(keypoint_weights=weights)
        result.append(sample)
    return result


@pytest.mark.parametrize('deconv', [None, (4,)])
def test_maps_are_those_of_the_dense_head(deconv: tuple[int, ...] | None) -> None:
    kernels = None if deconv is None else (4,)
    torch.manual_seed(0)
    head = OwnCategoryHeatmapHead(
        in_channels=CHANNELS, deconv_out_channels=deconv, deconv_kernel_sizes=kernels
    ).eval()
    every = head(features())
    assert every.shape[:2] == (2, 294)
    labels = torch.tensor([SCHEMA.label_of(i) for i in CATEGORY_IDS])
    own = head.own_heatmaps(features(), labels)
    assert own.shape == (2, 39, *every.shape[2:])
    for maps, category_id, dense in zip(own, CATEGORY_IDS, every, strict=True):
        expected = dense[slots_of(category_id)]
        torch.testing.assert_close(maps[: len(expected)], expected)
        assert not maps[len(expected) :].any()


def test_loss_is_the_dense_one_but_for_the_number_of_maps() -> None:
    own, dense = heads()
    own_loss = own.loss(features(), samples(dense=False))
    dense_loss = dense.loss(features(), samples(dense=True))
    # KeypointMSELoss divides by the number of maps: 39 or 294
    torch.testing.assert_close(own_loss['loss_kpt'], dense_loss['loss_kpt'] * 294 / 39)
    assert list(own_loss) == ['loss_kpt', 'acc_pose']
    own_loss['loss_kpt'].backward()
    dense_loss['loss_kpt'].backward()
    for ours, theirs in zip(own.parameters(), dense.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad * 294 / 39)


def test_hand_made_loss() -> None:
    """One skirt: maps of 1, of whose 8 targets 6 are 0; 2 landmarks have the weight 0."""
    own, _ = heads()
    torch.nn.init.zeros_(own.final_layer.weight)
    torch.nn.init.ones_(own.final_layer.bias)
    (sample,) = samples(dense=False)[:1]
    sample.gt_fields.heatmaps[:] = 0
    sample.gt_instance_labels.keypoint_weights[:] = 0
    sample.gt_instance_labels.keypoint_weights[0, :6] = 1
    loss = own.loss((features()[0][:1],), [sample], {'compute_acc': False})
    assert list(loss) == ['loss_kpt']
    assert loss['loss_kpt'].item() == pytest.approx(6 / 39)


@pytest.mark.parametrize('shift', [False, True])
@pytest.mark.parametrize('flip', [False, True])
def test_predictions_are_those_of_the_dense_head(flip: bool, shift: bool) -> None:
    own, dense = heads()
    views: Any = [features(), (features()[0].roll(1, -1),)] if flip else features()
    test_cfg = dict(flip_test=flip, flip_mode='heatmap', shift_heatmap=shift)
    with torch.no_grad():
        ours = own.predict(views, samples(dense=False), test_cfg)
        theirs = dense.predict(views, samples(dense=True), test_cfg)
    for mine, other, category_id in zip(ours, theirs, CATEGORY_IDS, strict=True):
        own_slots = slots_of(category_id)
        assert mine.keypoints.shape == (1, 294, 2)
        np.testing.assert_allclose(
            mine.keypoints[:, own_slots], other.keypoints[:, own_slots], rtol=0, atol=1e-5
        )
        np.testing.assert_allclose(
            mine.keypoint_scores[:, own_slots], other.keypoint_scores[:, own_slots], atol=1e-6
        )
        others = np.delete(mine.keypoint_scores, np.r_[own_slots], axis=1)
        assert not others.any()


def test_heatmaps_on_request() -> None:
    own, _ = heads()
    with torch.no_grad():
        instances, fields = own.predict(features(), samples(False), {'output_heatmaps': True})
    assert len(instances) == 2
    assert fields[0].heatmaps.shape == (39, H, W)


def test_bfloat16_gives_float32_losses() -> None:
    own, _ = heads()
    with torch.autocast('cpu', torch.bfloat16):
        loss = own.loss(features(), samples(dense=False))['loss_kpt']
    assert loss.dtype == torch.float32
    loss.backward()
    assert own.final_layer.weight.grad.abs().sum() > 0


def test_dense_targets_are_an_error() -> None:
    own, _ = heads()
    with pytest.raises(ValueError, match=r'\(2, 294, 8, 6\).*TakeOwnLandmarks'):
        own.loss(features(), samples(dense=True))


@pytest.mark.parametrize('final_layer', [None, dict(kernel_size=3, padding=1)])
def test_other_final_layers_are_an_error(final_layer: Any) -> None:
    with pytest.raises(ValueError, match='final_layer='):
        OwnCategoryHeatmapHead(in_channels=CHANNELS, final_layer=final_layer)


def test_export_gives_all_slots() -> None:
    own, _ = heads()
    exported = torch.export.export(own, (features(),))
    torch.testing.assert_close(exported.module()(features()), own(features()))
