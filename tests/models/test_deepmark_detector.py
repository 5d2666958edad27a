# SPDX-License-Identifier: Apache-2.0
"""The detector in testing: batches, sizes, scales; and frozen parts, memory format."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModule
from mmengine.structures import InstanceData
from torch import Tensor, nn

from deepmark.models.detectors import DeepMark
from deepmark.registry import MODELS

SOFT = {'type': 'soft_nms', 'method': 'gaussian', 'sigma': 0.5, 'min_score': 0.001, 'offset': 1}

# A bar's ends are the corner's ends.
GROUPED = {
    'name': 'grouped',
    'categories': [
        {
            'id': 1,
            'name': 'bar',
            'num_keypoints': 2,
            'flip_pairs': '1-2',
            'sigmas': [0.1] * 2,
            'keypoint_groups': ['end_left', 'end_right'],
        },
        {
            'id': 2,
            'name': 'corner',
            'num_keypoints': 3,
            'flip_pairs': '1-3',
            'sigmas': [0.1] * 3,
            'keypoint_groups': ['end_left', 'bend', 'end_right'],
        },
    ],
}


@MODELS.register_module()
class TwoConvolutions(BaseModule):
    """A network of stride 4 that looks a few pixels around each cell."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.rest = nn.Conv2d(8, 4, 3, 2, 1)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (self.rest(self.stem(x)),)


def make_model(schema: dict[str, Any], grouped: bool = False, **kwargs: Any) -> DeepMark:
    torch.manual_seed(0)
    model = DeepMark(
        backbone={'type': 'TwoConvolutions', '_scope_': 'deepmark'},
        bbox_head={
            'type': 'deepmark.CenterNetKeypointHead',
            'in_channels': 4,
            'feat_channels': 8,
            'schema': schema,
            'codec': {'grouped': grouped},
        },
        data_preprocessor={
            'type': 'mmdet.DetDataPreprocessor',
            'mean': [127.0] * 3,
            'std': [64.0] * 3,
            'pad_size_divisor': 32,
        },
        **kwargs,
    )
    with torch.no_grad():
        for branch in model.bbox_head.stacks[0].values():
            branch[2].weight.mul_(5)
    return model.eval()


def packed(size_wh: tuple[int, int], seed: int, zoom: float = 1.0) -> dict[str, Any]:
    """One packed image; the matrix goes back by ``1 / zoom``."""
    generator = torch.Generator().manual_seed(seed)
    width, height = size_wh
    matrix = np.array([[1 / zoom, 0, 0], [0, 1 / zoom, 0]])
    image = torch.randint(0, 255, (3, height, width), generator=generator, dtype=torch.uint8)
    sample = DetDataSample(
        metainfo={'img_id': seed, 'inverse_warp_matrix': matrix, 'img_shape': (height, width)}
    )
    return {'inputs': image, 'data_samples': sample}


def predict(model: DeepMark, *images: dict[str, Any]) -> list[InstanceData]:
    with torch.no_grad():
        return [s.pred_instances for s in model.test_step(pseudo_collate(list(images)))]


def assert_equal(first: InstanceData, second: InstanceData) -> None:
    assert len(first) == len(second) > 0
    assert first.labels.tolist() == second.labels.tolist()
    for name in ('scores', 'bboxes', 'keypoints', 'keypoint_scores'):
        torch.testing.assert_close(first[name], second[name], rtol=1e-4, atol=1e-4, msg=name)


STRATEGIES = [
    {},
    {'nms': SOFT},
    {'nms': SOFT, 'flip': True},
    {'nms': SOFT, 'flip': True, 'flip_offsets': 'average'},
]


@pytest.mark.parametrize('strategy', STRATEGIES, ids=str)
def test_the_batch_does_not_change_an_image(
    strategy: dict[str, Any], tiny_schema: dict[str, Any]
) -> None:
    model = make_model(tiny_schema, test_cfg={'detections': 20, **strategy})
    images = [packed((96, 64), 0), packed((64, 96), 1), packed((96, 64), 2), packed((70, 50), 3)]
    together = predict(model, *images)
    for image, result in zip(images, together, strict=True):
        assert_equal(result, predict(model, image)[0])
    assert_equal(predict(model, images[2], images[0])[1], together[0])


class TestFlip:
    CFG = {'detections': 20, 'nms': SOFT, 'flip': True, 'flip_offsets': 'average'}

    def mirrored(self, image: dict[str, Any]) -> dict[str, Any]:
        return {**image, 'inputs': image['inputs'].flip(-1)}

    @pytest.mark.parametrize('grouped', [False, True])
    def test_a_mirrored_input_gives_the_mirrored_garments(
        self, grouped: bool, tiny_schema: dict[str, Any]
    ) -> None:
        schema = GROUPED if grouped else tiny_schema
        model = make_model(schema, grouped=grouped, test_cfg=self.CFG)
        assert model.bbox_head.codec.channels.count == (3 if grouped else 5)
        image = packed((96, 64), 0)
        (direct,), (other,) = predict(model, image), predict(model, self.mirrored(image))
        torch.testing.assert_close(direct.scores, other.scores)
        assert direct.labels.tolist() == other.labels.tolist()
        right, left = other.bboxes[:, 2], other.bboxes[:, 0]
        mirrored = torch.stack([95 - right, other.bboxes[:, 1], 95 - left, other.bboxes[:, 3]], 1)
        torch.testing.assert_close(direct.bboxes, mirrored, atol=1e-4, rtol=0)
        flips = torch.tensor(model.bbox_head.schema.flip_index)[other.labels]
        points = other.keypoints.gather(1, flips[..., None].expand_as(other.keypoints))
        points[..., 0] = 95 - points[..., 0]
        own = torch.tensor(model.bbox_head.schema.keypoint_valid)[other.labels]
        torch.testing.assert_close(direct.keypoints[own], points[own], atol=1e-4, rtol=0)

    def test_it_is_not_the_plain_result(self, tiny_schema: dict[str, Any]) -> None:
        image = packed((96, 64), 0)
        plain = predict(make_model(tiny_schema, test_cfg={**self.CFG, 'flip': False}), image)[0]
        fused = predict(make_model(tiny_schema, test_cfg=self.CFG), image)[0]
        assert not torch.allclose(plain.scores, fused.scores)


def test_every_way_in_gives_the_same(tiny_schema: dict[str, Any]) -> None:
    model = make_model(tiny_schema, test_cfg={'detections': 20, 'nms': SOFT, 'flip': True})
    image = packed((96, 64), 0)
    (tested,) = predict(model, image)
    with torch.no_grad():
        (validated,) = model.val_step(pseudo_collate([image]))
        data = model.data_preprocessor(pseudo_collate([image]), False)
        (forwarded,) = model(**data, mode='predict')
    assert_equal(tested, validated.pred_instances)
    assert_equal(tested, forwarded.pred_instances)
    assert 'batch_input_shape' in validated.metainfo  # the sample as preprocessed


class TestScales:
    def pack(self, *zooms: float, seed: int = 0) -> dict[str, Any]:
        """What PackLandmarkInputs gives after MultiScaleWarp."""
        views = [packed((int(96 * z), int(64 * z)), seed, z) for z in zooms]
        sample = views[0]['data_samples']
        matrices = np.stack([v['data_samples'].metainfo['inverse_warp_matrix'] for v in views])
        shapes = [v['data_samples'].metainfo['img_shape'] for v in views]
        sample.set_metainfo({'scale_inverse_warp_matrices': matrices, 'scale_img_shapes': shapes})
        return {'inputs': [v['inputs'] for v in views], 'data_samples': sample}

    def test_scales_are_joined_in_pixels_of_the_photo(self, tiny_schema: dict[str, Any]) -> None:
        cfg = {'detections': 20, 'nms': SOFT, 'flip': True}
        model = make_model(tiny_schema, test_cfg=cfg)
        raw = make_model(tiny_schema, test_cfg={**cfg, 'nms': None})
        (joined,) = predict(model, self.pack(1.0, 0.5))
        singles = [predict(raw, packed((int(96 * z), int(64 * z)), 0, z))[0] for z in (1.0, 0.5)]
        assert singles[1].bboxes.max() > 40  # half the size, and yet in pixels of the photo
        expected = model.bbox_head.strategy.suppress(InstanceData.cat(singles))
        assert_equal(joined, expected)

    def test_a_batch_of_scales(self, tiny_schema: dict[str, Any]) -> None:
        model = make_model(tiny_schema, test_cfg={'detections': 20, 'nms': SOFT})
        images = [self.pack(1.0, 0.75, 0.5, seed=seed) for seed in (0, 1)]
        for image, result in zip(images, predict(model, *images), strict=True):
            assert_equal(result, predict(model, image)[0])

    def test_scales_in_validation(self, tiny_schema: dict[str, Any]) -> None:
        model = make_model(tiny_schema, test_cfg={'detections': 20, 'nms': SOFT})
        image = self.pack(1.0, 0.5)
        with torch.no_grad():
            (validated,) = model.val_step(pseudo_collate([image]))
        assert_equal(validated.pred_instances, predict(model, self.pack(1.0, 0.5))[0])

    def test_scales_need_nms(self, tiny_schema: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r'set model\.test_cfg\.nms'):
            predict(make_model(tiny_schema), self.pack(1.0, 0.75))

    def test_scales_without_their_matrices(self, tiny_schema: dict[str, Any]) -> None:
        image = self.pack(1.0, 0.75)
        image['data_samples'].set_metainfo({'scale_inverse_warp_matrices': None})
        with pytest.raises(ValueError, match='2 scales and the metainfo none: pack them with'):
            predict(make_model(tiny_schema, test_cfg={'nms': SOFT}), image)


def test_tta_model_is_the_model_with_another_strategy(tiny_schema: dict[str, Any]) -> None:
    plain = make_model(tiny_schema, test_cfg={'detections': 20, 'refine': False})
    config = {
        'type': 'deepmark.DeepMark',
        'backbone': {'type': 'deepmark.TwoConvolutions'},
        'bbox_head': {
            'type': 'deepmark.CenterNetKeypointHead',
            'in_channels': 4,
            'feat_channels': 8,
            'schema': tiny_schema,
        },
        'test_cfg': {'detections': 20, 'refine': False},
    }
    fused = MODELS.build(
        {'type': 'deepmark.with_test_cfg', 'module': config, 'test_cfg': {'flip': True}}
    )
    assert isinstance(fused, DeepMark)
    assert fused.bbox_head.strategy.flip
    assert not fused.bbox_head.test_codec.refine
    assert set(fused.state_dict()) == set(plain.state_dict())


class TestFrozen:
    def test_weights_and_statistics_stay(self, tiny_schema: dict[str, Any]) -> None:
        model = make_model(tiny_schema, frozen_modules=('backbone.stem',)).train()
        assert not model.backbone.stem[1].training
        assert model.backbone.training
        frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
        assert {name.rsplit('.', 2)[0] for name in frozen} == {'backbone.stem'}

    def test_an_unknown_part(self, tiny_schema: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"\['trunk'\].*the parts are .*backbone"):
            make_model(tiny_schema, frozen_modules=('trunk',))


def test_channels_last_changes_nothing(tiny_schema: dict[str, Any]) -> None:
    images = [packed((96, 64), 0), packed((96, 64), 1)]
    cfg = {'detections': 20}
    plain = predict(make_model(tiny_schema, test_cfg=cfg), *images)
    model = make_model(tiny_schema, test_cfg=cfg, channels_last=True)
    assert model.backbone.rest.weight.is_contiguous(memory_format=torch.channels_last)
    for first, second in zip(plain, predict(model, *images), strict=True):
        assert_equal(first, second)


def test_grouping_belongs_to_the_codec(tiny_schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='set it in codec'):
        MODELS.build(
            {
                'type': 'deepmark.CenterNetKeypointHead',
                'in_channels': 4,
                'test_cfg': {'grouped': True},
            }
        )
