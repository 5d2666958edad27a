# SPDX-License-Identifier: Apache-2.0
"""DAFE: what each option changes, hand-computed on 2 x 2 maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from mmcv.cnn.utils import fuse_conv_bn
from torch import Tensor, nn

from deepmark.models.necks.dafe import (
    ChannelAttention,
    DAFENeck,
    DAFEStep,
    SpatialAttention,
    Upsample,
    channel_affinity,
)
from deepmark.registry import MODELS

WIDTHS = (4, 6, 8, 10)
OPTIONS: dict[str, Any] = dict(
    spatial_attention=True,
    channel_attention='squeeze',
    attention_norm_cfg=None,
    upsampling='deconv',
    gate=None,
    squeeze_channels=None,
    residual=True,
)


def pyramid(
    height: int = 64, width: int = 96, widths: Sequence[int] = WIDTHS, batch: int = 2
) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    sizes = [(-(-height // s), -(-width // s)) for s in (4, 8, 16, 32)]
    return [
        torch.randn(batch, channels, *size, generator=generator)
        for channels, size in zip(widths, sizes, strict=True)
    ]


def neck(**changes: Any) -> DAFENeck:
    torch.manual_seed(0)
    return DAFENeck(**{'in_channels': WIDTHS, 'out_channels': 5, **changes})


def step(**changes: Any) -> DAFEStep:
    """One channel everywhere, factor 2; all weights 1 and biases 0."""
    module = DAFEStep(1, 1, 2, **{**OPTIONS, **changes})
    for name, parameter in module.named_parameters():
        nn.init.constant_(parameter, 0.0 if name.endswith('bias') else 1.0)
    return module


class TestByHand:
    """x = 2 above y = [[1, 2], [3, 4]]; sigmoid(2) = a."""

    high = torch.tensor([[[[2.0]]]])
    low = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    a = 1 / (1 + 2.718281828459045**-2.0)

    def check(self, module: DAFEStep, expected: list[list[float]]) -> None:
        result = module(self.high, self.low)
        torch.testing.assert_close(
            result, torch.tensor([[expected]], dtype=torch.float32), rtol=0, atol=1e-6
        )

    def test_plain_top_down_fusion(self) -> None:
        plain = step(spatial_attention=False, channel_attention=None)
        # The transposed convolution of kernel 1 and stride 2 writes the upper left cell alone.
        self.check(plain, [[3, 2], [3, 4]])

    def test_plain_fusion_never_adds_the_low_level_twice(self) -> None:
        plain = step(spatial_attention=False, channel_attention=None, residual=True)
        off = step(spatial_attention=False, channel_attention=None, residual=False)
        assert torch.equal(plain(self.high, self.low), off(self.high, self.low))

    def test_bilinear_has_no_holes(self) -> None:
        plain = step(spatial_attention=False, channel_attention=None, upsampling='bilinear')
        self.check(plain, [[3, 4], [5, 6]])

    def test_spatial_attention(self) -> None:
        a = self.a
        self.check(step(channel_attention=None, residual=False), [[2 + a, 2 * a], [3 * a, 4 * a]])

    def test_residual_adds_the_low_level(self) -> None:
        a = self.a
        self.check(step(channel_attention=None), [[3 + a, 2 * a + 2], [3 * a + 3, 4 * a + 4]])

    def test_squeeze_multiplies_by_the_mean(self) -> None:
        # s = [[3, 2], [3, 4]], mean 3; both 1x1 convolutions are 1, so the weight is 3.
        self.check(step(spatial_attention=False, residual=False), [[9, 6], [9, 12]])

    def test_gate_bounds_the_weight(self) -> None:
        weight = 1 / (1 + 2.718281828459045**-3.0)
        gated = step(spatial_attention=False, residual=False, gate='sigmoid')
        self.check(gated, [[3 * weight, 2 * weight], [3 * weight, 4 * weight]])

    def test_bias_fills_the_holes_of_the_transposed_convolution(self) -> None:
        module = Upsample(1, 1, 2, 'deconv')
        nn.init.constant_(module.project.weight, 1.0)
        nn.init.constant_(module.project.bias, 0.5)
        expected = torch.tensor([[[[2.5, 0.5], [0.5, 0.5]]]])
        assert torch.equal(module(self.high, (2, 2)), expected)

    def test_attention_is_repeated_by_nearest_neighbours(self) -> None:
        module = SpatialAttention(1, 1)
        nn.init.constant_(module.logits[0].weight, 1.0)
        nn.init.constant_(module.logits[0].bias, 0.0)
        high = torch.tensor([[[[0.0, 100.0]]]])
        expected = torch.tensor([[[[0.5, 0.5, 1.0], [0.5, 0.5, 1.0]]]])
        torch.testing.assert_close(module(high, (2, 3)), expected)

    def test_affinity(self) -> None:
        # Rows (1, 0) and (0, 1): S S^T = I, softmax rows (e, 1) / (e + 1).
        features = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
        e = 2.718281828459045
        expected = torch.tensor([[[[e, 1.0]], [[1.0, e]]]]) / (e + 1)
        torch.testing.assert_close(channel_affinity(features), expected)


class TestOptions:
    def test_attention_of_zeros_leaves_the_low_level_out(self) -> None:
        module = DAFEStep(3, 2, 2, **{**OPTIONS, 'residual': False})
        nn.init.constant_(module.spatial.logits[0].weight, 0.0)
        nn.init.constant_(module.spatial.logits[0].bias, -1e9)
        high = torch.randn(1, 3, 4, 5)
        one, other = (module(high, torch.randn(1, 2, 8, 10)) for _ in range(2))
        assert torch.equal(one, other)

    def test_both_off_is_top_down_fusion(self) -> None:
        module = neck(
            spatial_attention=False,
            channel_attention=None,
            upsampling='bilinear',
            residual=False,
            out_channels=None,
        )
        features = pyramid()
        expected = features[3]
        for level in (2, 1, 0):
            conv = module.steps[str(level)].upsample.project
            size = features[level].shape[-2:]
            up = F.interpolate(conv(expected), size=size, mode='bilinear', align_corners=False)
            expected = F.relu(up) + features[level]
        (result,) = module(features)
        torch.testing.assert_close(result, expected)

    @pytest.mark.parametrize(
        'change',
        [
            {'spatial_attention': False},
            {'channel_attention': None},
            {'channel_attention': 'affinity'},
            {'attention_norm_cfg': {'type': 'BN'}},
            {'upsampling': 'bilinear'},
            {'gate': 'sigmoid'},
            {'residual': False},
            {'width': 7},
            {'squeeze_channels': 3},
        ],
        ids=str,
    )
    @pytest.mark.parametrize('size', [(64, 96), (52, 76), (33, 61)])
    def test_each_option_changes_the_result_and_keeps_the_shape(
        self, change: dict[str, Any], size: tuple[int, int]
    ) -> None:
        features = pyramid(*size)
        (default,), (changed,) = neck()(features), neck(**change)(features)
        assert changed.shape == default.shape == (2, 5, *features[0].shape[-2:])
        assert torch.isfinite(changed).all()
        assert not torch.allclose(changed, default)

    def test_widths_of_all_steps(self) -> None:
        module = neck(width=7, out_channels=None, out_indices=(0, 1, 2, 3))
        assert [level.shape[1] for level in module(pyramid())] == [7, 7, 7, 7]
        assert module.out_channels == (7, 7, 7, 7)

    def test_all_levels_stand_in_for_an_fpn(self) -> None:
        features = pyramid()
        levels = neck(out_indices=(0, 1, 2, 3))(features)
        assert [tuple(level.shape) for level in levels] == [
            (2, 5, *feature.shape[-2:]) for feature in features
        ]

    def test_the_finest_level_does_not_depend_on_the_others_being_returned(self) -> None:
        module = neck(out_indices=(0, 1, 2, 3))
        alone = neck()
        state = {k: v for k, v in module.state_dict().items() if k in alone.state_dict()}
        alone.load_state_dict(state)
        assert torch.equal(alone(pyramid())[0], module(pyramid())[0])

    def test_levels_that_are_not_asked_for_have_no_parameters(self) -> None:
        names = neck(out_indices=(2, 3), width=7).state_dict()
        assert {name.split('.')[1] for name in names} == {'2', '3'}

    def test_affinity_mixes_under_autocast_in_float32(self) -> None:
        features = torch.randn(1, 4, 6, 6) * 5
        with torch.autocast('cpu', torch.bfloat16):
            mixed = channel_affinity(features)
        assert torch.equal(mixed, channel_affinity(features))


@pytest.mark.parametrize('channel_attention', ['squeeze', 'affinity', None])
@pytest.mark.parametrize('spatial_attention', [True, False])
def test_gradients_reach_every_level_and_parameter(
    spatial_attention: bool, channel_attention: str | None
) -> None:
    # Wide enough that no squeezed layer is all behind its ReLU.
    module = neck(
        spatial_attention=spatial_attention,
        channel_attention=channel_attention,
        squeeze_channels=32,
    )
    features = [feature.requires_grad_() for feature in pyramid()]
    module(features)[0].square().mean().backward()
    for tensor in [*features, *module.parameters()]:
        assert tensor.grad is not None
        assert tensor.grad.abs().sum() > 0


def test_fusing_norms_into_convolutions_keeps_the_outputs() -> None:
    module = neck(attention_norm_cfg={'type': 'BN'}, width=7)
    module(pyramid())  # moves the running statistics
    module.eval()
    before = module(pyramid())[0]
    after = fuse_conv_bn(module)(pyramid())[0]
    torch.testing.assert_close(after, before, rtol=0, atol=0)


@pytest.mark.parametrize('change', [{}, {'channel_attention': 'affinity'}], ids=str)
@pytest.mark.parametrize('upsampling', ['deconv', 'bilinear'])
def test_export(upsampling: str, change: dict[str, Any]) -> None:
    module = neck(upsampling=upsampling, **change).eval()
    features = pyramid(52, 76, batch=1)
    exported = torch.export.export(module, (features,))
    torch.testing.assert_close(exported.module()(features), module(features))


class TestErrors:
    def test_other_widths(self) -> None:
        with pytest.raises(ValueError, match=r'given levels with \(4, 6, 8\) channels'):
            neck()(pyramid()[:3])

    def test_other_strides(self) -> None:
        features = pyramid()
        features[1] = torch.randn(2, 6, 16, 24)
        with pytest.raises(ValueError, match=r'level 1 has \(16, 24\) cells, level 0 \(16, 24\)'):
            neck()(features)

    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            ({'in_channels': (4,), 'strides': (4,)}, 'two levels or more'),
            ({'strides': (4, 8, 16)}, 'as many strides'),
            ({'strides': (4, 8, 8, 32)}, 'must grow'),
            ({'strides': (4, 8, 20, 40)}, 'each a multiple'),
            ({'out_indices': (4,)}, r'must name levels 0 \.\. 3'),
            ({'out_indices': ()}, 'out_indices'),
            ({'channel_attention': 'se'}, "channel_attention='se'"),
            ({'upsampling': 'nearest'}, "upsampling='nearest'"),
            ({'gate': 'softmax'}, "gate='softmax'"),
        ],
    )
    def test_arguments(self, change: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            neck(**change)


def test_both_hosts_build_it_from_a_config() -> None:
    from mmdet.registry import MODELS as MMDET_MODELS
    from mmpose.registry import MODELS as MMPOSE_MODELS

    config = dict(type='deepmark.DAFENeck', in_channels=WIDTHS, out_channels=5)
    for registry in (MODELS, MMDET_MODELS, MMPOSE_MODELS):
        assert type(registry.build(dict(config))) is DAFENeck


def test_strides_of_other_ratios() -> None:
    module = DAFENeck((4, 6), out_channels=5, strides=(4, 16))
    (result,) = module([torch.randn(1, 4, 15, 18), torch.randn(1, 6, 4, 5)])
    assert result.shape == (1, 5, 15, 18)


def test_squeeze_width_is_a_quarter() -> None:
    assert ChannelAttention(8, 2, 'squeeze', None).weights[0].out_channels == 2
    assert neck().steps['2'].channel.weights[0].out_channels == WIDTHS[2] // 4
