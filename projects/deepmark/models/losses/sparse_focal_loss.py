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
_CPU_PIECE = 1 << 17  # logits, half a megabyte


class _FocalSum(torch.autograd.Function):
    """The undivided sum; its gradient is made in the same pass, as wide as the logits.

    p and log(1 - p) serve both, and nothing dense but the gradient outlives the forward pass. On a
    CPU the maps are worked through in pieces that fit its cache.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, position: Tensor, target: Tensor, alpha: float, beta: float
    ) -> Tensor:
        flat = logits.flatten()
        # float16 would flush small slopes to zero before the loss scale reaches them.
        kept = torch.bfloat16 if logits.dtype == torch.float16 else logits.dtype
        slope = torch.empty_like(flat, dtype=kept) if ctx.needs_input_grad[0] else None
        piece = _CPU_PIECE if flat.device.type == 'cpu' else max(1, flat.numel())
        total = torch.zeros((), device=flat.device)
        for start in range(0, flat.numel(), piece):
            part = slice(start, start + piece)
            terms, slopes = _negative(_probability(flat[part]), alpha, slope is not None)
            total = total + terms.sum()
            if slope is not None and slopes is not None:
                slope[part] = slopes
        terms, slopes, negative = _support(_probability(flat[position]), target, alpha, beta)
        if slope is not None:
            slope[position] = slopes.to(slope.dtype)
            ctx.save_for_backward(slope.view_as(logits))
            ctx.logits_dtype = logits.dtype
        return total + (terms - negative).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None, None, None]:
        (slope,) = ctx.saved_tensors
        gradient = slope * grad_outputs[0].to(slope.dtype)
        return gradient.to(ctx.logits_dtype), None, None, None, None


def _probability(logits: Tensor) -> Tensor:
    return logits.float().sigmoid().clamp_(_CLAMP, 1 - _CLAMP)


def _negative(p: Tensor, alpha: float, with_slope: bool) -> tuple[Tensor, Tensor | None]:
    """-p^alpha log(1 - p) and its d/dlogit, with dp/dlogit = p (1 - p), 0 where p is clamped."""
    p_alpha, log_rest = p.pow(alpha), torch.log1p(-p)
    terms = -p_alpha * log_rest
    if not with_slope:
        return terms, None
    moves = (p > _CLAMP) & (p < 1 - _CLAMP)
    return terms, log_rest.mul_(1 - p).mul_(-alpha).add_(p).mul_(p_alpha).mul_(moves)


def _support(p: Tensor, target: Tensor, alpha: float, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    """True terms and slopes of the support's cells, and the terms that they had as negatives."""
    negative, slope = _negative(p, alpha, with_slope=True)
    assert slope is not None
    # At a centre the factor is 0 and the positive term takes its place.
    factor = (1 - target).pow(beta)
    is_center = (target == 1).to(p.dtype)
    rest, log_p = 1 - p, torch.log(p)
    moves = (p > _CLAMP) & (p < 1 - _CLAMP)
    rest_alpha = rest.pow(alpha) * is_center
    terms = factor * negative - rest_alpha * log_p
    return terms, factor * slope + rest_alpha * (alpha * p * log_p - rest) * moves, negative


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
        float32 scalar, divided by the number of centres (by 1 without any).
    """
    centers = (support.value == 1).sum().clamp(min=1)
    total: Tensor = _FocalSum.apply(
        logits.contiguous(), support.position, support.value, alpha, beta
    )
    return total / centers


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
