# SPDX-License-Identifier: Apache-2.0
"""``sigmoid_focal_loss`` of ``mmcv._ext`` in plain torch.

Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, eq. 5. With p = sigmoid(x):

    class c is the target:  L = -alpha (1 - p)^gamma log p
    otherwise:              L = -(1 - alpha) p^gamma log(1 - p)

Legend: N samples, C classes. A target of C is background: no class is positive.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def sigmoid_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Fill ``output`` (N, C) with the loss.

    Args:
        input: Logits (N, C).
        target: Class of each sample, int64 (N,), in 0..C.
        weight: Factor by the sample's class (C,), or empty.
    """
    p = input.sigmoid()
    positive = -alpha * (1 - p) ** gamma * logsigmoid(input)
    negative = -(1 - alpha) * p**gamma * logsigmoid(-input)
    output.copy_(_select(positive, negative, target, weight))


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Fill ``grad_input`` (N, C) with dL/dx, not yet times the incoming gradient."""
    p = input.sigmoid()
    positive = -alpha * (1 - p) ** gamma * (1 - p - gamma * p * logsigmoid(input))
    negative = -(1 - alpha) * p**gamma * (gamma * (1 - p) * logsigmoid(-input) - p)
    grad_input.copy_(_select(positive, negative, target, weight))


def _select(positive: Tensor, negative: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Take ``positive`` (N, C) at the target class, ``negative`` elsewhere, times the weight."""
    classes = torch.arange(positive.size(1), device=positive.device)
    chosen = torch.where(target[:, None] == classes, positive, negative)
    return chosen if weight.numel() == 0 else chosen * weight[target][:, None]
