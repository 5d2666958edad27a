# SPDX-License-Identifier: Apache-2.0
r"""Focal loss of Gaussian heatmaps, exact without dense targets.

CenterNet's loss (at 4c50fd3, ``src/lib/models/losses.py``; CornerNet's eq. 1) with p the sigmoid of
the logits, clamped to [1e-4, 1 - 1e-4], and g the target:

    g = 1:  -(1 - p)^alpha log(p)            otherwise:  -(1 - g)^beta p^alpha log(1 - p)

summed over all cells and divided by the number of cells with g = 1 (if any). Nearly all cells have
g = 0, so the sum is taken as if all had, and corrected where g > 0. With 294 + 13 maps of 128 x 128
that saves 20 MB of targets an image and the passes over them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from deepmark.codecs.gaussian import HeatmapSupport
from deepmark.registry import MODELS

_CLAMP = 1e-4


class _AllNegative(torch.autograd.Function):
    """Sum of -p^alpha log(1 - p) over all logits; keeps nothing but the logits for backward."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, alpha: float) -> Tensor:
        ctx.save_for_backward(logits)
        ctx.alpha = alpha
        return _negative(_probability(logits), alpha).sum()

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        (logits,) = ctx.saved_tensors
        p = _probability(logits)
        # d/dx of -p^a log(1 - p) with dp/dx = p (1 - p); none where the clamp holds p.
        slope = p.pow(ctx.alpha) * (p - ctx.alpha * (1 - p) * torch.log1p(-p))
        slope *= (p > _CLAMP) & (p < 1 - _CLAMP)
        return (slope * grad_outputs[0]).to(logits.dtype), None


def _probability(logits: Tensor) -> Tensor:
    return logits.float().sigmoid().clamp(_CLAMP, 1 - _CLAMP)


def _negative(p: Tensor, alpha: float) -> Tensor:
    return -p.pow(alpha) * torch.log1p(-p)


def sparse_focal_loss(
    logits: Tensor, support: HeatmapSupport, alpha: float = 2.0, beta: float = 4.0
) -> Tensor:
    """Focal loss of a stack of heatmaps against a sparse target.

    Args:
        logits: (B, C, H, W) any float type; computed in float32.
        support: where the target is not zero, positions into (B * C, H, W).
        alpha: exponent that plays easy cells down.
        beta: exponent that plays cells near a centre down.

    Returns:
        scalar, divided by the number of centres (by 1 without any).
    """
    total = _AllNegative.apply(logits, alpha)
    p = _probability(logits.flatten()[support.position])
    is_center = support.value == 1
    # g = 1 has (1 - g)^beta = 0, so the correction takes its negative term away altogether.
    correction = ((1 - support.value).pow(beta) - 1) * _negative(p, alpha)
    positive = -(1 - p).pow(alpha) * torch.log(p) * is_center
    loss: Tensor = (total + (correction + positive).sum()) / is_center.sum().clamp(min=1)
    return loss


@MODELS.register_module()
class SparseFocalLoss(nn.Module):
    """:func:`sparse_focal_loss` with a weight, for configs.

    Args:
        alpha: exponent that plays easy cells down.
        beta: exponent that plays cells near a centre down.
        loss_weight: factor.
    """

    def __init__(self, alpha: float = 2.0, beta: float = 4.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha
        self.beta = beta
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, support: HeatmapSupport) -> Tensor:
        """Weighted scalar loss of logits (B, C, H, W)."""
        return self.loss_weight * sparse_focal_loss(logits, support, self.alpha, self.beta)
