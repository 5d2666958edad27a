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


class _FocalSum(torch.autograd.Function):
    """The undivided sum; its gradient is made in the same pass, in the logits' own dtype.

    p and log(1 - p) serve both, no dense intermediate outlives the forward pass, and the gradient
    of the corrections is added in place where they are.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, position: Tensor, target: Tensor, alpha: float, beta: float
    ) -> Tensor:
        p = _probability(logits)
        log_rest = torch.log1p(-p)
        p_alpha = p.pow(alpha)
        total = -(p_alpha * log_rest).sum()
        flat = p.view(-1)[position]
        terms, slopes = _corrections(flat, target, alpha, beta)
        if ctx.needs_input_grad[0]:
            # d/dx of -p^a log(1 - p), with dp/dx = p (1 - p).
            slope = log_rest.mul_(1 - p).mul_(-alpha).add_(p).mul_(p_alpha)
            slope.view(-1)[position] += slopes
            slope *= (p > _CLAMP) & (p < 1 - _CLAMP)
            ctx.save_for_backward(slope.to(logits.dtype))
        return total + terms.sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None, None, None]:
        (slope,) = ctx.saved_tensors
        return slope * grad_outputs[0].to(slope.dtype), None, None, None, None


def _probability(logits: Tensor) -> Tensor:
    return logits.float().sigmoid().clamp_(_CLAMP, 1 - _CLAMP)


def _corrections(p: Tensor, target: Tensor, alpha: float, beta: float) -> tuple[Tensor, Tensor]:
    """What the true loss of each support cell has more than a negative one, and its d/dlogit."""
    rest = 1 - p
    log_p, log_rest = torch.log(p), torch.log1p(-p)
    p_alpha, rest_alpha = p.pow(alpha), rest.pow(alpha)
    # At g = 1 the factor is -1: the negative term goes altogether.
    factor = (1 - target).pow(beta) - 1
    is_center = (target == 1).to(p.dtype)
    terms = -factor * p_alpha * log_rest - is_center * rest_alpha * log_p
    slopes = factor * p_alpha * (p - alpha * rest * log_rest)
    slopes += is_center * rest_alpha * (alpha * p * log_p - rest)
    return terms, slopes


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
