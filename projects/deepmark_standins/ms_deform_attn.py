# SPDX-License-Identifier: Apache-2.0
"""``ms_deform_attn`` of ``mmcv._ext``: mmcv's own plain torch version, and its gradient.

Zhu et al., "Deformable DETR", ICLR 2021, eq. 3.

Legend: B images, V values (the cells of all levels), M heads, E channels of a head, Q queries,
L levels, K points. ``value`` (B, V, M, E), ``sampling_locations`` (B, Q, M, L, K, 2) as (x, y)
in 0..1, ``attention_weights`` (B, Q, M, L, K).
"""

from __future__ import annotations

from torch import Tensor

from deepmark_standins.gradients import computation_dtype, vector_jacobian_product


def ms_deform_attn_forward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    im2col_step: int,
) -> Tensor:
    """Return (B, Q, M * E); ``value_spatial_shapes`` (L, 2) holds (height, width)."""
    dtype = computation_dtype(value)
    output = _attend(
        value.to(dtype),
        value_spatial_shapes,
        sampling_locations.to(dtype),
        attention_weights.to(dtype),
    )
    return output.to(value.dtype)


def ms_deform_attn_backward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_sampling_loc: Tensor,
    grad_attn_weight: Tensor,
    im2col_step: int,
) -> None:
    """Add the three gradients to their buffers."""
    dtype = computation_dtype(value)

    def forward(v: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
        return _attend(v.to(dtype), value_spatial_shapes, locations.to(dtype), weights.to(dtype))

    inputs = [value, sampling_locations, attention_weights]
    gradients = vector_jacobian_product(forward, inputs, grad_output)
    buffers = (grad_value, grad_sampling_loc, grad_attn_weight)
    for buffer, gradient in zip(buffers, gradients, strict=True):
        buffer.add_(gradient)


def _attend(value: Tensor, shapes: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
    # Imported on the first call: mmcv.ops is what imports this module.
    from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

    output: Tensor = multi_scale_deformable_attn_pytorch(value, shapes.tolist(), locations, weights)
    return output
