# SPDX-License-Identifier: Apache-2.0
"""``roi_align`` of ``mmcv._ext`` by torchvision, average pooling.

Legend: B images, C channels, H x W feature map, R regions, P x Q bins of a region.
"""

from __future__ import annotations

import torchvision
from torch import Tensor

from deepmark_standins.errors import MissingOpError, missing_op_message
from deepmark_standins.gradients import computation_dtype, vector_jacobian_product

_AVERAGE = 1


def roi_align_forward(
    features: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    *,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Fill ``output`` (R, C, P, Q) from ``features`` (B, C, H, W) and ``rois`` (R, 5).

    A row of ``rois`` is (image index, x1, y1, x2, y2) in input pixels.

    Raises:
        MissingOpError: For max pooling, which torchvision does not have.
    """
    _require_average(pool_mode)
    dtype = computation_dtype(features)
    pooled = torchvision.ops.roi_align(
        features.to(dtype),
        rois.to(dtype),
        (aligned_height, aligned_width),
        spatial_scale,
        sampling_ratio,
        aligned,
    )
    output.copy_(pooled)


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_features: Tensor,
    *,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Add to ``grad_features`` (B, C, H, W); the op is linear in the features, so any will do."""
    _require_average(pool_mode)
    dtype = computation_dtype(grad_features)

    def forward(features: Tensor) -> Tensor:
        size = (aligned_height, aligned_width)
        pooled: Tensor = torchvision.ops.roi_align(
            features, rois.to(dtype), size, spatial_scale, sampling_ratio, aligned
        )
        return pooled

    (gradient,) = vector_jacobian_product(forward, [grad_features.to(dtype)], grad_output)
    grad_features.add_(gradient)


def _require_average(pool_mode: int) -> None:
    if pool_mode != _AVERAGE:
        raise MissingOpError(missing_op_message("roi_align with pool_mode='max'"))
