# SPDX-License-Identifier: Apache-2.0
"""sigmoid_focal_loss through mmcv's autograd function (mmdet takes it on CUDA only)."""

from __future__ import annotations

import math

import pytest
import torch
from mmcv.ops import sigmoid_focal_loss
from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss
from torch import Tensor
from torch.nn.functional import one_hot

C = 4  # classes; a target of 4 is background
TARGET = torch.tensor([0, 3, 4, 1, 4, 2])


def test_hand_computed(device: torch.device) -> None:
    # p = 0.5: alpha (1 - p)^2 (-log p) = 0.25 * 0.25 * log 2 for the target, 0.75 otherwise.
    logits = torch.zeros(1, 2, device=device)
    loss = sigmoid_focal_loss(logits, torch.tensor([1], device=device), 2.0, 0.25, None, 'none')
    expected = [0.75 * 0.25 * math.log(2), 0.25 * 0.25 * math.log(2)]
    assert loss[0].tolist() == pytest.approx(expected)


@pytest.mark.parametrize('gamma', [0.0, 1.5, 2.0])
def test_loss_and_gradient_equal_mmdet_in_plain_torch(gamma: float, device: torch.device) -> None:
    logits = (torch.randn(6, C, device=device) * 4).requires_grad_()
    target = TARGET.to(device)
    ours = sigmoid_focal_loss(logits, target, gamma, 0.25, None, 'sum')
    labels = one_hot(target, C + 1)[:, :C]
    theirs = py_sigmoid_focal_loss(logits, labels, gamma=gamma, alpha=0.25, reduction='sum')
    torch.testing.assert_close(ours, theirs)
    (grad_ours,) = torch.autograd.grad(ours, logits)
    (grad_theirs,) = torch.autograd.grad(theirs, logits)
    torch.testing.assert_close(grad_ours, grad_theirs)


def test_gradcheck_with_class_weights(device: torch.device) -> None:
    logits = torch.randn(4, C, dtype=torch.double, device=device).requires_grad_()
    target = torch.tensor([0, 3, 1, 1], device=device)
    weight = torch.rand(C, dtype=torch.double, device=device)

    def mean_loss(x: Tensor) -> Tensor:
        loss: Tensor = sigmoid_focal_loss(x, target, 2.0, 0.25, weight, 'mean')
        return loss

    assert torch.autograd.gradcheck(mean_loss, logits)


def test_class_weight_is_that_of_the_target(device: torch.device) -> None:
    logits = torch.randn(2, C, device=device)
    target = torch.tensor([2, 0], device=device)
    weight = torch.tensor([3.0, 0, 5, 0], device=device)
    plain = sigmoid_focal_loss(logits, target, 2.0, 0.25, None, 'none')
    weighted = sigmoid_focal_loss(logits, target, 2.0, 0.25, weight, 'none')
    torch.testing.assert_close(weighted, plain * torch.tensor([[5.0], [3.0]], device=device))


def test_saturated_logits_stay_finite(device: torch.device) -> None:
    logits = torch.tensor([[200.0, -200.0]], device=device, requires_grad=True)
    loss = sigmoid_focal_loss(logits, torch.tensor([1], device=device), 2.0, 0.25, None, 'sum')
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
