# SPDX-License-Identifier: Apache-2.0
"""The head: losses, predictions, stacks, and one overfit."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from deepmark.models.heads import CenterNetKeypointHead
from deepmark.models.heads.branch import Branch
from deepmark.models.heads.centernet_keypoint_head import garments_of
from deepmark.models.heads.results import input_to_original, transform_points

LOSSES = {
    'loss_center_heatmap',
    'loss_box_size',
    'loss_center_offset',
    'loss_coarse_keypoints',
    'loss_keypoint_heatmap',
    'loss_keypoint_offset',
}


def make_head(schema: dict[str, Any], **kwargs: Any) -> CenterNetKeypointHead:
    torch.manual_seed(0)
    return CenterNetKeypointHead(4, feat_channels=8, schema=schema, **kwargs)


def test_channels_of_deepfashion2() -> None:
    maps = CenterNetKeypointHead(4, feat_channels=4)([torch.zeros(1, 4, 3, 5)])[0]
    channels = {name: tuple(values.shape[1:]) for name, values in maps.items()}
    assert channels == {
        'center_heatmap': (13, 3, 5),
        'box_size': (2, 3, 5),
        'center_offset': (2, 3, 5),
        'coarse_keypoints': (588, 3, 5),
        'keypoint_heatmap': (294, 3, 5),
        'keypoint_offset': (2, 3, 5),
    }
    assert sum(shape[0] for shape in channels.values()) == 901  # the paper's figure 1


def test_heatmaps_start_at_one_tenth(tiny_schema: dict[str, Any]) -> None:
    maps = make_head(tiny_schema)([torch.zeros(1, 4, 3, 5)])[0]
    for name in ('center_heatmap', 'keypoint_heatmap'):
        assert (maps[name].sigmoid() - 0.1007).abs().max() < 1e-3


def test_the_loss_is_the_mean_over_the_stacks(
    tiny_schema: dict[str, Any], samples: list[Any]
) -> None:
    two = make_head(tiny_schema, num_stacks=2)
    features = [torch.randn(2, 4, 12, 20) for _ in range(2)]
    both = two.loss(features, samples)
    assert set(both) == LOSSES
    one = make_head(tiny_schema)
    for stack, feature in zip(two.stacks, features, strict=True):
        one.stacks[0].load_state_dict(stack.state_dict())
        for name, value in one.loss([feature], samples).items():
            both[name] = both[name] - value / 2
    for name, rest in both.items():
        assert rest.item() == pytest.approx(0, abs=1e-4), name


def test_every_weight_gets_a_gradient_even_without_garments(
    tiny_schema: dict[str, Any], samples: list[Any]
) -> None:
    module = make_head(tiny_schema)
    losses = module.loss([torch.randn(1, 4, 12, 20)], samples[1:])
    sum(losses.values()).backward()  # type: ignore[union-attr]
    assert all(p.grad is not None for p in module.parameters())


def test_too_few_feature_maps(tiny_schema: dict[str, Any], samples: list[Any]) -> None:
    with pytest.raises(ValueError, match=r'num_stacks=2\) was given 1 feature maps'):
        make_head(tiny_schema, num_stacks=2).predict([torch.zeros(2, 4, 12, 20)], samples)


def test_boxes_without_landmarks_in_the_data(
    tiny_schema: dict[str, Any], samples: list[Any]
) -> None:
    del samples[0].gt_instances.keypoints, samples[0].gt_instances.keypoints_visible
    garments = garments_of(samples, 3, torch.device('cpu'))
    assert not garments.visible.any()
    losses = make_head(tiny_schema).loss([torch.randn(2, 4, 12, 20)], samples)
    assert losses['loss_box_size'] > 0
    assert losses['loss_coarse_keypoints'] == 0


def test_landmarks_of_another_schema(samples: list[Any]) -> None:
    other = CenterNetKeypointHead(4, feat_channels=4)  # DeepFashion2: 39 columns, not 3
    with pytest.raises(ValueError, match='the same schema'):
        other.loss([torch.randn(2, 4, 12, 20)], samples)


def test_it_learns_one_image_by_heart(tiny_schema: dict[str, Any], samples: list[Any]) -> None:
    module = make_head(tiny_schema)
    feature = torch.randn(2, 4, 12, 20)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
    first = last = None
    for _ in range(250):
        last = sum(module.loss([feature], samples).values())
        first = last.item() if first is None else first
        optimizer.zero_grad()
        last.backward()
        optimizer.step()
    assert last.item() < first / 20
    with torch.no_grad():
        corner_and_bar, nothing = module.predict([feature], samples)
    truth = samples[0].gt_instances
    for n, label in enumerate(truth.labels.tolist()):
        found = (corner_and_bar.labels == label).nonzero()[0, 0]  # the best of its category
        assert corner_and_bar.scores[found] > 0.5
        assert (corner_and_bar.bboxes[found] - truth.bboxes[n]).abs().max() < 2
        seen = truth.keypoints_visible[n] > 0
        error = corner_and_bar.keypoints[found][seen] - torch.tensor(truth.keypoints[n][seen])
        assert error.abs().max() < 2
    assert nothing.scores.max() < 0.3


class TestWithoutOffsets:
    OFF = {'center_offset': False, 'keypoint_offset': False}

    @pytest.mark.parametrize(
        'off', [('center_offset',), ('keypoint_offset',), ('center_offset', 'keypoint_offset')]
    )
    def test_branch_and_loss_are_left_out_and_nothing_else_changes(
        self, off: tuple[str, ...], tiny_schema: dict[str, Any], samples: list[Any]
    ) -> None:
        whole = make_head(tiny_schema)
        part = make_head(tiny_schema, codec=dict.fromkeys(off, False))
        assert set(whole.stacks[0]) - set(part.stacks[0]) == set(off)
        kept = {
            key: value for key, value in whole.state_dict().items() if key.split('.')[2] not in off
        }
        part.load_state_dict(kept)  # strict: no weight more, none less
        feature = torch.randn(2, 4, 12, 20)
        expected, losses = (head.loss([feature], samples) for head in (whole, part))
        assert set(losses) == LOSSES - {f'loss_{name}' for name in off}
        for name, value in losses.items():
            assert value.item() == expected[name].item()
        assert set(part([feature])[0]) == set(part.stacks[0])

    @pytest.mark.parametrize('flip_offsets', ['unflipped', 'average'])
    def test_testing_leaves_a_trained_branch_out(
        self, flip_offsets: str, tiny_schema: dict[str, Any], samples: list[Any]
    ) -> None:
        features, mirrored = torch.randn(2, 2, 4, 12, 20)
        strategy = {'detections': 5, 'flip_offsets': flip_offsets}
        trained = make_head(tiny_schema, test_cfg={**strategy, **self.OFF})
        part = make_head(tiny_schema, codec=self.OFF, test_cfg=strategy)
        part.load_state_dict(trained.state_dict(), strict=False)
        for other in (None, [mirrored]):
            results = (
                head.predict([features], samples, mirrored_features=other)
                for head in (trained, part)
            )
            for ours, theirs in zip(*results, strict=True):
                for name in ('bboxes', 'scores', 'keypoints'):
                    assert torch.equal(ours[name], theirs[name])

    def test_testing_cannot_switch_an_untrained_one_on(self, tiny_schema: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="test_cfg switches on 'keypoint_offset', a branch"):
            make_head(
                tiny_schema,
                codec={'keypoint_offset': False},
                test_cfg={'keypoint_offset': True},
            )


class TestPredict:
    def test_result_fields(self, tiny_schema: dict[str, Any], samples: list[Any]) -> None:
        module = make_head(tiny_schema, test_cfg={'detections': 7})
        results = module.predict([torch.randn(2, 4, 12, 20)], samples)
        for result in results:
            assert result.bboxes.shape == (7, 4)
            assert result.scores.shape == result.labels.shape == (7,)
            assert result.keypoints.shape == (7, 3, 2)
            assert result.keypoint_scores.shape == (7, 3)
            assert (result.scores.diff() <= 0).all()
            bars = result.labels == 0
            assert (result.keypoints[bars, 2] == 0).all()
            assert (result.keypoint_scores[bars, 2] == 0).all()

    def test_the_batch_does_not_matter(
        self, tiny_schema: dict[str, Any], samples: list[Any]
    ) -> None:
        module, feature = make_head(tiny_schema), torch.randn(2, 4, 12, 20)
        together = module.predict([feature], samples)
        for index in range(2):
            (alone,) = module.predict([feature[index : index + 1]], samples[index : index + 1])
            for name in ('bboxes', 'scores', 'keypoints', 'keypoint_scores'):
                torch.testing.assert_close(alone[name], together[index][name], atol=1e-4, rtol=1e-4)

    def test_patches_and_dense_maps_agree(
        self, tiny_schema: dict[str, Any], samples: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        module = make_head(tiny_schema, test_cfg={'detections': 5, 'refine': False})
        feature = torch.randn(2, 4, 12, 20)
        (maps,) = module([feature])
        monkeypatch.setattr(Branch, 'everywhere', None)  # only patches may be read
        results = module.predict([feature], samples, rescale=False)
        heat = maps['center_heatmap'].sigmoid()
        for image, result in enumerate(results):
            for n, label in enumerate(result.labels.tolist()):
                cell = (heat[image, label] == result.scores[n]).flatten().nonzero()[0]
                y, x = divmod(int(cell), 20)
                here = {name: values[image, :, y, x] for name, values in maps.items()}
                center = torch.tensor([x, y]) + here['center_offset']
                half = here['box_size'] / 2
                box = torch.cat([center - half, center + half]) * 4
                torch.testing.assert_close(result.bboxes[n], box, atol=1e-3, rtol=1e-4)
                first, count = ((0, 2), (2, 3))[label]
                offsets = here['coarse_keypoints'].view(-1, 2)[first : first + count]
                points = (torch.tensor([x, y]) + offsets) * 4
                torch.testing.assert_close(
                    result.keypoints[n, :count], points, atol=1e-3, rtol=1e-4
                )

    def test_rescale(self, tiny_schema: dict[str, Any], samples: list[Any]) -> None:
        module, feature = make_head(tiny_schema), torch.randn(2, 4, 12, 20)
        plain = module.predict([feature], samples, rescale=False)[0]
        samples[0].set_metainfo({'inverse_warp_matrix': [[2, 0, 10], [0, 3, -5]]})
        moved = module.predict([feature], samples)[0]
        scale, shift = torch.tensor([2.0, 3, 2, 3]), torch.tensor([10.0, -5, 10, -5])
        torch.testing.assert_close(moved.bboxes, plain.bboxes * scale + shift)
        own = moved.labels == 1
        torch.testing.assert_close(
            moved.keypoints[own], plain.keypoints[own] * scale[:2] + shift[:2]
        )
        assert (moved.keypoints[~own, 2] == 0).all()

    def test_score_threshold(self, tiny_schema: dict[str, Any], samples: list[Any]) -> None:
        feature = torch.randn(2, 4, 12, 20)
        every = make_head(tiny_schema).predict([feature], samples)[0]
        middle = every.scores.detach().median().item()
        some = make_head(tiny_schema, test_cfg={'score_thr': middle}).predict([feature], samples)[0]
        assert len(some) == int((every.scores >= middle).sum()) < len(every)


class TestWayBack:
    def test_mmdet_scale_factor(self) -> None:
        matrix = input_to_original({'scale_factor': (0.5, 0.25)})
        points = transform_points(torch.tensor([[10.0, 10.0]]), matrix.float())
        assert points.tolist() == [[20, 40]]

    def test_neither(self) -> None:
        with pytest.raises(KeyError, match='neither'):
            input_to_original({'img_shape': (3, 4)})
