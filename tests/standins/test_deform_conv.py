# SPDX-License-Identifier: Apache-2.0
"""Deformable convolutions through mmcv's autograd functions, against a naive sum and gradcheck."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from mmcv.ops import DeformConv2dPack, ModulatedDeformConv2dPack
from mmcv.ops.deform_conv import deform_conv2d
from mmcv.ops.modulated_deform_conv import modulated_deform_conv2d
from torch import Tensor

# B images, C_in input channels, H x W input, G groups, D deformable groups.
B, C_IN, C_OUT, H, W, G, D = 2, 4, 6, 5, 7, 2, 2
STRIDE, PADDING, DILATION = (1, 2), (1, 2), (1, 2)
KERNEL = (3, 2)
P = (H + 2 * PADDING[0] - DILATION[0] * (KERNEL[0] - 1) - 1) // STRIDE[0] + 1
Q = (W + 2 * PADDING[1] - DILATION[1] * (KERNEL[1] - 1) - 1) // STRIDE[1] + 1


def sample(plane: Tensor, y: float, x: float) -> Tensor:
    """Bilinear value of (H, W) at (y, x); 0 outside."""
    total = plane.new_zeros(())
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < plane.shape[0] and 0 <= column < plane.shape[1]:
                weight = (1 - abs(y - row)) * (1 - abs(x - column))
                total = total + weight * plane[row, column]
    return total


def naive(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Eq. 1 of Deformable ConvNets v2, one output value at a time."""
    output = x.new_zeros(B, C_OUT, P, Q)
    cells = KERNEL[0] * KERNEL[1]
    for b, c, p, q in itertools.product(range(B), range(C_OUT), range(P), range(Q)):
        group = c // (C_OUT // G)
        total = bias[c].clone()
        for channel_in_group in range(C_IN // G):
            channel = group * (C_IN // G) + channel_in_group
            d = channel // (C_IN // D)
            for i, j in itertools.product(range(KERNEL[0]), range(KERNEL[1])):
                cell = i * KERNEL[1] + j
                dy, dx = offset[b, 2 * (d * cells + cell) : 2 * (d * cells + cell) + 2, p, q]
                y = p * STRIDE[0] - PADDING[0] + i * DILATION[0] + float(dy)
                x_ = q * STRIDE[1] - PADDING[1] + j * DILATION[1] + float(dx)
                value = sample(x[b, channel], y, x_)
                total += weight[c, channel_in_group, i, j] * mask[b, d * cells + cell, p, q] * value
        output[b, c, p, q] = total
    return output


def inputs(device: torch.device) -> dict[str, Tensor]:
    cells = KERNEL[0] * KERNEL[1]
    tensors = dict(
        x=torch.rand(B, C_IN, H, W),
        offset=torch.randn(B, 2 * D * cells, P, Q),
        mask=torch.rand(B, D * cells, P, Q),
        weight=torch.randn(C_OUT, C_IN // G, *KERNEL),
        bias=torch.randn(C_OUT),
    )
    return {k: v.double().to(device).requires_grad_() for k, v in tensors.items()}


def v2(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    output: Tensor = modulated_deform_conv2d(
        x, offset, mask, weight, bias, STRIDE, PADDING, DILATION, G, D
    )
    return output


def v1(x: Tensor, offset: Tensor, weight: Tensor) -> Tensor:
    output: Tensor = deform_conv2d(x, offset, weight, STRIDE, PADDING, DILATION, G, D)
    return output


def test_modulated_forward_equals_the_naive_sum(device: torch.device) -> None:
    t = inputs(device)
    expected = naive(**{k: v.detach().cpu() for k, v in t.items()})
    torch.testing.assert_close(v2(**t).detach().cpu(), expected)


def test_plain_forward_is_the_modulated_one_with_a_mask_of_ones(device: torch.device) -> None:
    t = inputs(device)
    ones = torch.ones_like(t['mask'])
    expected = v2(t['x'], t['offset'], ones, t['weight'], None)
    torch.testing.assert_close(v1(t['x'], t['offset'], t['weight']), expected)


def test_modulated_gradients(device: torch.device) -> None:
    assert torch.autograd.gradcheck(v2, tuple(inputs(device).values()), fast_mode=True)


def test_modulated_gradients_without_bias(device: torch.device) -> None:
    t = inputs(device)

    def without_bias(*tensors: Tensor) -> Tensor:
        return v2(*tensors, None)

    tensors = (t['x'], t['offset'], t['mask'], t['weight'])
    assert torch.autograd.gradcheck(without_bias, tensors, fast_mode=True)


def test_plain_gradients(device: torch.device) -> None:
    t = inputs(device)
    assert torch.autograd.gradcheck(v1, (t['x'], t['offset'], t['weight']), fast_mode=True)


def test_gradient_of_the_weight_alone(device: torch.device) -> None:
    t = inputs(device)
    frozen = v1(t['x'].detach(), t['offset'].detach(), t['weight'])
    (alone,) = torch.autograd.grad(frozen.sum(), t['weight'])
    (together,) = torch.autograd.grad(v1(t['x'], t['offset'], t['weight']).sum(), t['weight'])
    assert torch.equal(alone, together)


@pytest.mark.parametrize('layer', [DeformConv2dPack, ModulatedDeformConv2dPack])
def test_layers_with_zero_offsets_are_convolutions(layer: type, device: torch.device) -> None:
    conv = layer(C_IN, C_OUT, 3, padding=1).to(device)
    torch.nn.init.zeros_(conv.conv_offset.weight)
    torch.nn.init.zeros_(conv.conv_offset.bias)
    x = torch.rand(B, C_IN, H, W, device=device)
    factor = 0.5 if layer is ModulatedDeformConv2dPack else 1.0  # sigmoid(0)
    expected = factor * F.conv2d(x, conv.weight, padding=1)
    torch.testing.assert_close(conv(x), expected)


def test_autocast_trains(device: torch.device) -> None:
    conv = ModulatedDeformConv2dPack(C_IN, C_OUT, 3, padding=1).to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        output = conv(torch.rand(B, C_IN, H, W, device=device))
    output.float().sum().backward()
    assert output.shape == (B, C_OUT, H, W)
    assert conv.weight.grad.abs().sum() > 0
    assert conv.conv_offset.weight.grad.isfinite().all()
