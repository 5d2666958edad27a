# SPDX-License-Identifier: Apache-2.0
"""The deformable layer: plain and shifted convolutions by hand, mmcv's op, autocast."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from deepmark.models.layers import DeformConv, deform_conv

OPEN = 40.0  # a mask logit whose sigmoid is 1


@pytest.fixture
def layer() -> DeformConv:
    torch.manual_seed(0)
    layer = DeformConv(3, 4)
    torch.nn.init.normal_(layer.bias)
    return layer


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 3, 6, 9, generator=torch.Generator().manual_seed(1))


def set_sampling(layer: DeformConv, offsets_yx: Tensor, mask_logit: float) -> None:
    """The same offsets (9, 2) and mask at every cell."""
    with torch.no_grad():
        layer.conv_offset.bias[:18] = offsets_yx.flatten()
        layer.conv_offset.bias[18:] = mask_logit


def convolve(x: Tensor, layer: DeformConv) -> Tensor:
    return F.conv2d(x, layer.weight, layer.bias, padding=1)


def test_starts_as_half_a_convolution() -> None:
    layer = DeformConv(3, 4)
    x = torch.randn(1, 3, 5, 7)
    assert layer.conv_offset.weight.shape == (27, 3, 3, 3)
    assert not any(parameter.any() for parameter in (layer.bias, *layer.conv_offset.parameters()))
    torch.testing.assert_close(layer(x), convolve(x, layer) / 2)


def test_weights_start_uniform_within_their_bound() -> None:
    weight = DeformConv(16, 32).weight
    bound = (9 * 16) ** -0.5
    assert 0.99 * bound < weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.03)


def test_no_offset_and_an_open_mask_is_a_convolution(layer: DeformConv, x: Tensor) -> None:
    set_sampling(layer, torch.zeros(9, 2), OPEN)
    torch.testing.assert_close(layer(x), convolve(x, layer))


def test_a_closed_mask_leaves_the_bias(layer: DeformConv, x: Tensor) -> None:
    set_sampling(layer, torch.zeros(9, 2), -OPEN)
    torch.testing.assert_close(layer(x), layer.bias.view(1, 4, 1, 1).expand(2, 4, 6, 9))


def test_one_offset_for_all_taps_shifts_the_map(layer: DeformConv, x: Tensor) -> None:
    set_sampling(layer, torch.tensor([[1.0, -2.0]]).expand(9, 2), OPEN)
    # Every tap reads one row further down and two columns further left.
    expected = convolve(F.pad(x, (2, 0, 0, 1)), layer)[:, :, 1:, :-2]
    torch.testing.assert_close(layer(x), expected)


def test_offsets_are_y_then_x_for_each_tap() -> None:
    layer = DeformConv(1, 1)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0, 1, 2] = 1  # tap 5 alone: the right neighbour
    offsets = torch.zeros(9, 2)
    offsets[5] = torch.tensor([1.0, 0.5])
    set_sampling(layer, offsets, OPEN)
    x = torch.arange(20.0).view(1, 1, 4, 5)
    # The value 1 row below, 1.5 columns right of the centre cell (1, 2) is (2, 3.5) = 13.5.
    assert layer(x)[0, 0, 1, 2].item() == pytest.approx(13.5)


def test_equals_the_op_of_mmcv(layer: DeformConv, x: Tensor) -> None:
    """Says something where a compiled mmcv is installed; our stand-in calls the same kernel."""
    from mmcv.ops import modulated_deform_conv2d

    for parameter in layer.conv_offset.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    sampling = layer.conv_offset(x)
    offset, mask = sampling[:, :18], sampling[:, 18:].sigmoid()
    theirs = modulated_deform_conv2d(x, offset, mask, layer.weight, layer.bias, 1, 1, 1, 1, 1)
    torch.testing.assert_close(layer(x), theirs)


def test_autocast_changes_nothing_inside(
    layer: DeformConv, x: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_sampling(layer, torch.full((9, 2), 5.3), 0.0)
    seen: list[Tensor] = []

    def spy(x: Tensor, offset: Tensor, *others: Tensor, mask: Tensor, padding: object) -> Tensor:
        seen.extend([x, offset, *others, mask])
        return kernel(x, offset, *others, mask=mask, padding=padding)

    kernel = deform_conv.deform_conv2d
    monkeypatch.setattr(deform_conv, 'deform_conv2d', spy)
    expected = layer(x.bfloat16().float())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        output = layer(x.bfloat16())
    assert {tensor.dtype for tensor in seen} == {torch.float32}
    assert output.dtype == torch.bfloat16
    assert torch.equal(output, expected.bfloat16())
    output.float().sum().backward()
    assert all(parameter.grad is not None for parameter in layer.parameters())


def test_weights_in_bfloat16(layer: DeformConv, x: Tensor) -> None:
    output = layer.bfloat16()(x.bfloat16())
    assert output.dtype == torch.bfloat16
    torch.testing.assert_close(output.float(), layer.float()(x), atol=0.05, rtol=0.05)


def test_gradients(layer: DeformConv) -> None:
    layer.double()
    for parameter in layer.conv_offset.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    names = [name for name, _ in layer.named_parameters()]

    def run(x: Tensor, *parameters: Tensor) -> Tensor:
        named = dict(zip(names, parameters, strict=True))
        result: Tensor = torch.func.functional_call(layer, named, (x,))
        return result

    x = torch.randn(1, 3, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(run, (x, *layer.parameters()), fast_mode=True)
