# SPDX-License-Identifier: Apache-2.0
"""Deformable convolution (v1) and modulated deformable convolution (v2) by torchvision.

Zhu et al., "Deformable ConvNets v2", CVPR 2019, eq. 1. mmcv and torchvision agree on the channel
order of the offsets: per deformable group and kernel cell, y then x.

Legend: B images, C_in and C_out channels, H x W input, P x Q output, G groups,
D deformable groups, R x S kernel.
``input`` (B, C_in, H, W), ``weight`` (C_out, C_in / G, R, S), ``offset`` (B, 2 D R S, P, Q),
``mask`` (B, D R S, P, Q), ``output`` (B, C_out, P, Q).
The groups follow from the shapes; ``ones`` and ``columns`` are scratch buffers that are not used.
"""

from __future__ import annotations

import torchvision
from torch import Tensor

from deepmark_standins.gradients import computation_dtype, vector_jacobian_product

Geometry = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""Stride, padding and dilation, each (height, width)."""


def modulated_deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    output: Tensor,
    columns: Tensor,
    **settings: int,
) -> None:
    """Fill ``output``; ``settings`` holds ``stride_h`` ... ``dilation_w`` and ``with_bias``."""
    bias_or_none = bias if settings['with_bias'] else None
    output.copy_(_convolve(input, offset, weight, mask, bias_or_none, _geometry_v2(settings)))


def modulated_deform_conv_backward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    columns: Tensor,
    grad_input: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    grad_offset: Tensor,
    grad_mask: Tensor,
    grad_output: Tensor,
    **settings: int,
) -> None:
    """Add the five gradients to their buffers; ``grad_bias`` only with ``with_bias``."""
    geometry = _geometry_v2(settings)

    def forward(x: Tensor, o: Tensor, w: Tensor, m: Tensor, b: Tensor | None = None) -> Tensor:
        return _convolve(x, o, w, m, b, geometry)

    inputs = [input, offset, weight, mask]
    buffers = [grad_input, grad_offset, grad_weight, grad_mask]
    if settings['with_bias']:
        inputs.append(bias)
        buffers.append(grad_bias)
    gradients = vector_jacobian_product(forward, inputs, grad_output)
    for buffer, gradient in zip(buffers, gradients, strict=True):
        buffer.add_(gradient)


def deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    output: Tensor,
    columns: Tensor,
    ones: Tensor,
    **settings: int,
) -> None:
    """Fill ``output``; ``settings`` holds ``dW``, ``dH``, ``padW`` ... ``dilationH``."""
    output.copy_(_convolve(input, offset, weight, None, None, _geometry_v1(settings)))


def deform_conv_backward_input(
    input: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_input: Tensor,
    grad_offset: Tensor,
    weight: Tensor,
    columns: Tensor,
    **settings: int,
) -> None:
    """Add to ``grad_input`` and ``grad_offset``."""
    geometry = _geometry_v1(settings)

    def forward(x: Tensor, o: Tensor) -> Tensor:
        return _convolve(x, o, weight, None, None, geometry)

    gradients = vector_jacobian_product(forward, [input, offset], grad_output)
    grad_input.add_(gradients[0])
    grad_offset.add_(gradients[1])


def deform_conv_backward_parameters(
    input: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_weight: Tensor,
    columns: Tensor,
    ones: Tensor,
    *,
    scale: float,
    **settings: int,
) -> None:
    """Add ``scale`` times the gradient to ``grad_weight``."""
    geometry = _geometry_v1(settings)

    def forward(w: Tensor) -> Tensor:
        return _convolve(input, offset, w, None, None, geometry)

    (gradient,) = vector_jacobian_product(forward, [grad_weight], grad_output)
    grad_weight.add_(gradient, alpha=scale)


def _convolve(
    input: Tensor,
    offset: Tensor,
    weight: Tensor,
    mask: Tensor | None,
    bias: Tensor | None,
    geometry: Geometry,
) -> Tensor:
    dtype = computation_dtype(input)
    stride, padding, dilation = geometry
    output: Tensor = torchvision.ops.deform_conv2d(
        input.to(dtype),
        offset.to(dtype),
        weight.to(dtype),
        bias=None if bias is None else bias.to(dtype),
        stride=stride,
        padding=padding,
        dilation=dilation,
        mask=None if mask is None else mask.to(dtype),
    )
    return output


def _geometry_v1(settings: dict[str, int]) -> Geometry:
    return (
        (settings['dH'], settings['dW']),
        (settings['padH'], settings['padW']),
        (settings['dilationH'], settings['dilationW']),
    )


def _geometry_v2(settings: dict[str, int]) -> Geometry:
    return (
        (settings['stride_h'], settings['stride_w']),
        (settings['pad_h'], settings['pad_w']),
        (settings['dilation_h'], settings['dilation_w']),
    )
