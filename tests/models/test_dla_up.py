# SPDX-License-Identifier: Apache-2.0
"""DLA's decoder: bilinear kernels by hand, the order of the joins, sizes, gradients."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepmark.models import DLANet, DLAUp
from deepmark.models.layers import DeformConv
from deepmark.models.necks.dla_up import bilinear_upsampling
from deepmark.registry import MODELS


def pyramid(channels: Sequence[int], height: int = 16, width: int = 24) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(2, count, height >> level, width >> level, generator=generator)
        for level, count in enumerate(channels)
    ]


@pytest.mark.parametrize(
    ('factor', 'sixteenths'),
    [(2, [4, 12, 12, 4]), (4, [2, 6, 10, 14, 14, 10, 6, 2])],
)
def test_bilinear_kernel(factor: int, sixteenths: list[int]) -> None:
    layer = bilinear_upsampling(3, factor)
    row = torch.tensor(sixteenths) / 16
    assert layer.weight.shape == (3, 1, 2 * factor, 2 * factor)
    assert torch.equal(layer.weight.detach(), (row[:, None] * row).expand_as(layer.weight))


@pytest.mark.parametrize('factor', [2, 4])
def test_up_sampling_is_bilinear_inside(factor: int) -> None:
    x = pyramid([3])[0]
    ours = bilinear_upsampling(3, factor)(x)
    expected = F.interpolate(x, scale_factor=factor, mode='bilinear', align_corners=False)
    assert ours.shape == expected.shape
    inner = slice(factor, -factor)
    torch.testing.assert_close(ours[..., inner, inner], expected[..., inner, inner])


class PlusOne(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :1] + 1


def test_the_order_of_the_joins() -> None:
    """Constant maps, projections and nodes that add 1, up-sampling that repeats."""
    neck = DLAUp([1, 1, 1, 1])
    for part in [*neck.dla_up.values(), neck.ida_up]:
        for name, module in list(part.named_children()):
            factor = module.stride[0] if isinstance(module, nn.ConvTranspose2d) else 0
            setattr(part, name, nn.Upsample(scale_factor=factor) if factor else PlusOne())
    levels = [
        torch.full((1, 1, 16 >> i, 24 >> i), value)
        for i, value in enumerate([1.0, 10.0, 100.0, 1000.0])
    ]
    # ida_0: [100, 1000 + 1 + 100 + 1] = [100, 1102], kept 1102
    # ida_1: [10, 100 + 10 + 2, 1102 + 112 + 2] = [10, 112, 1216], kept 1216
    # ida_2: [1, 10 + 1 + 2, 112 + 13 + 2, 1216 + 127 + 2] = [1, 13, 127, 1345], kept 1345
    # ida_up over [1345, 1216, 1102]: 1216 + 1345 + 2 = 2563, 1102 + 2563 + 2 = 3667
    (output,) = neck(levels)
    assert torch.equal(output, torch.full((1, 1, 16, 24), 3667.0))


@pytest.mark.parametrize('dcn', [True, False])
@pytest.mark.parametrize('channels', [(3, 5, 7, 11), (5, 3, 9), (3, 4)])
def test_shape_and_gradients(channels: tuple[int, ...], dcn: bool) -> None:
    neck = MODELS.build({'type': 'deepmark.DLAUp', 'in_channels': channels, 'dcn': dcn})
    features = [feature.requires_grad_() for feature in pyramid(channels)]
    (output,) = neck(features)
    assert output.shape == (2, channels[0], 16, 24)
    assert neck.out_channels == channels[0]
    output.square().sum().backward()
    for name, tensor in [*neck.named_parameters(), *((str(i), f) for i, f in enumerate(features))]:
        assert tensor.grad is not None, name
        assert tensor.grad.isfinite().all(), name
        assert tensor.grad.any() or name.endswith('conv.bias'), name  # the norm takes biases out


def test_without_deformable_layers() -> None:
    plain, deformable = DLAUp([3, 5, 7, 11], dcn=False), DLAUp([3, 5, 7, 11])
    assert not any(isinstance(module, DeformConv) for module in plain.modules())
    shapes = {key: value.shape for key, value in deformable.state_dict().items()}
    only_deformable = {key for key in shapes if '.conv_offset.' in key}
    assert len(only_deformable) == 2 * 2 * (1 + 2 + 3 + 2)
    assert {key: value.shape for key, value in plain.state_dict().items()} == {
        key: shape for key, shape in shapes.items() if key not in only_deformable
    }


def test_levels_that_do_not_fit() -> None:
    neck = DLAUp([3, 5, 7])
    with pytest.raises(ValueError, match=r'\(3, 5, 7\).*was given levels with \(3, 5\) channels'):
        neck(pyramid([3, 5]))
    with pytest.raises(ValueError, match=r'\(3, 7, 5\) channels.*out_indices'):
        neck(pyramid([3, 7, 5]))
    with pytest.raises(ValueError, match=r'half the size each, got \[\(18, 24\), \(9, 12\), \(4'):
        neck(pyramid([3, 5, 7], height=18))
    with pytest.raises(ValueError, match='two levels or more'):
        DLAUp([3])


def test_without_deformable_convolution_it_exports() -> None:
    backbone = DLANet(channels=(4, 4, 8, 8, 12, 12)).eval()
    network = nn.Sequential(backbone, DLAUp((8, 8, 12, 12), dcn=False)).eval()
    image = torch.randn(1, 3, 64, 96)
    exported = torch.export.export(network, (image,))
    assert not any('deform' in str(node.target) for node in exported.graph.nodes)
    torch.testing.assert_close(exported.module()(image)[0], network(image)[0])
