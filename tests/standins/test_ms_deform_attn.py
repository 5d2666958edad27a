# SPDX-License-Identifier: Apache-2.0
"""ms_deform_attn through mmcv's autograd function (mmdet takes it on CUDA only)."""

from __future__ import annotations

import itertools
import math

import torch
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction
from torch import Tensor

# B images, Q queries, M heads, E channels of a head, L levels, K points.
B, Q, M, E, K = 2, 3, 2, 4, 2
SHAPES = torch.tensor([[3, 5], [2, 2]])  # (height, width) per level
L = len(SHAPES)
STARTS = torch.tensor([0, 15])


def naive(value: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
    """Eq. 3 of Deformable DETR, one sampling point at a time."""
    output = value.new_zeros(B, Q, M, E)
    for b, q, m, level, k in itertools.product(*map(range, (B, Q, M, L, K))):
        height, width = SHAPES[level].tolist()
        start = int(STARTS[level])
        plane = value[b, start : start + height * width, m].reshape(height, width, E)
        x = float(locations[b, q, m, level, k, 0]) * width - 0.5
        y = float(locations[b, q, m, level, k, 1]) * height - 0.5
        for row, column in itertools.product((math.floor(y), math.floor(y) + 1), (0, 1)):
            column += math.floor(x)
            if 0 <= row < height and 0 <= column < width:
                share = (1 - abs(y - row)) * (1 - abs(x - column))
                output[b, q, m] += weights[b, q, m, level, k] * share * plane[row, column]
    return output.flatten(2)


def inputs(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    tensors = (
        torch.rand(B, int(SHAPES.prod(1).sum()), M, E),
        torch.rand(B, Q, M, L, K, 2) * 1.2 - 0.1,
        torch.rand(B, Q, M, L, K),
    )
    value, locations, weights = (t.double().to(device).requires_grad_() for t in tensors)
    return value, locations, weights


def attend(value: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
    device = value.device
    output: Tensor = MultiScaleDeformableAttnFunction.apply(
        value, SHAPES.to(device), STARTS.to(device), locations, weights, 64
    )
    return output


def test_forward_equals_the_naive_sum(device: torch.device) -> None:
    tensors = inputs(device)
    output = attend(*tensors)
    assert output.shape == (B, Q, M * E)
    expected = naive(*(t.detach().cpu() for t in tensors))
    torch.testing.assert_close(output.detach().cpu(), expected)


def test_gradients(device: torch.device) -> None:
    assert torch.autograd.gradcheck(attend, inputs(device), fast_mode=True)


def test_half_precision_keeps_its_type(device: torch.device) -> None:
    value, locations, weights = (t.detach().bfloat16().requires_grad_() for t in inputs(device))
    output = attend(value, locations, weights)
    output.float().sum().backward()
    assert output.dtype == torch.bfloat16
    assert value.grad is not None
    assert value.grad.dtype == torch.bfloat16
