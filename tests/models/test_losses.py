# SPDX-License-Identifier: Apache-2.0
"""The losses against naive dense versions, values and gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from deepmark.codecs.gaussian import HeatmapSupport, gaussian_support
from deepmark.models.losses import MaskedL1Loss, SparseFocalLoss, sparse_focal_loss


def naive_focal_loss(logits: Tensor, target: Tensor, alpha: float, beta: float) -> Tensor:
    """The formula over every cell."""
    p = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
    positive = target == 1
    loss = torch.where(
        positive,
        -((1 - p) ** alpha) * torch.log(p),
        -((1 - target) ** beta) * p**alpha * torch.log(1 - p),
    )
    return loss.sum() / max(1, int(positive.sum()))


def example(spread: float) -> tuple[Tensor, HeatmapSupport, Tensor]:
    """Logits (2, 3, 7, 9), four Gaussians of which two overlap in one map, and the dense target."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 7, 9, generator=generator, dtype=torch.float64) * spread
    support = gaussian_support(
        torch.tensor([0, 0, 4, 5]),
        torch.tensor([[2, 2], [4, 3], [8, 6], [0, 0]]),
        torch.tensor([2, 3, 1, 0]),
        (7, 9),
    )
    dense = torch.zeros(logits.numel(), dtype=torch.float64)
    dense[support.position] = support.value.double()
    return logits, support, dense.view_as(logits)


class TestSparseFocalLoss:
    def test_one_cell_by_hand(self) -> None:
        # p = 1/2 everywhere: a centre costs -(1/2)^2 log(1/2), the other cell the same.
        support = HeatmapSupport(torch.tensor([0]), torch.tensor([1.0]))
        loss = sparse_focal_loss(torch.zeros(1, 1, 1, 2), support)
        assert loss.item() == pytest.approx(2 * 0.25 * math.log(2))

    def test_a_cell_near_a_centre_is_played_down(self) -> None:
        support = HeatmapSupport(torch.tensor([0, 1]), torch.tensor([1.0, 0.5]))
        loss = sparse_focal_loss(torch.zeros(1, 1, 1, 2), support)
        assert loss.item() == pytest.approx((1 + 0.5**4) * 0.25 * math.log(2))

    @pytest.mark.parametrize('spread', [1.0, 12.0])  # 12: many cells at the clamp
    @pytest.mark.parametrize(('alpha', 'beta'), [(2.0, 4.0), (1.5, 3.0)])
    def test_value_and_gradient_of_the_dense_version(
        self, spread: float, alpha: float, beta: float
    ) -> None:
        logits, support, dense = example(spread)
        expected_logits = logits.clone().requires_grad_()
        expected = naive_focal_loss(expected_logits, dense, alpha, beta)
        (3 * expected).backward()
        sparse_logits = logits.float().requires_grad_()
        loss = sparse_focal_loss(sparse_logits, support, alpha, beta)
        (3 * loss).backward()
        # At the clamp 1 - p is 1e-4, which float32 knows to 6e-4; its logarithm to 7e-5.
        torch.testing.assert_close(loss.double(), expected, rtol=1e-4, atol=0)
        assert sparse_logits.grad is not None
        torch.testing.assert_close(
            sparse_logits.grad.double(), expected_logits.grad, rtol=1e-3, atol=1e-6
        )

    def test_no_centres(self) -> None:
        logits, _, dense = example(1.0)
        nothing = HeatmapSupport(torch.zeros(0, dtype=torch.long), torch.zeros(0))
        loss = sparse_focal_loss(logits.float(), nothing)
        expected = naive_focal_loss(logits, torch.zeros_like(dense), 2, 4)
        assert loss.item() == pytest.approx(expected.item(), rel=1e-5)

    def test_bfloat16_logits_get_bfloat16_gradients(self) -> None:
        logits, support, dense = example(1.0)
        low = logits.bfloat16().requires_grad_()
        loss = sparse_focal_loss(low, support)
        loss.backward()
        assert loss.dtype == torch.float32
        assert low.grad is not None
        assert low.grad.dtype == torch.bfloat16
        expected = naive_focal_loss(low.detach().double(), dense, 2, 4)
        assert loss.item() == pytest.approx(expected.item(), rel=1e-5)

    def test_float16_keeps_small_and_large_slopes_under_a_loss_scale(self) -> None:
        logits = torch.full((1, 1, 2, 4), -6.5)
        support = HeatmapSupport(torch.tensor([0]), torch.tensor([1.0]))
        gradients = []
        for dtype in (torch.float32, torch.float16):
            leaf = logits.clone().to(dtype).requires_grad_()
            (sparse_focal_loss(leaf, support) * 32768).backward()
            assert leaf.grad is not None
            assert leaf.grad.dtype == dtype
            gradients.append(leaf.grad.float())
        assert gradients[1][0, 0, 1, 1] > 0
        torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-2, atol=0)

    def test_maps_in_another_memory_format(self) -> None:
        logits, support, _ = example(1.0)
        plain = sparse_focal_loss(logits.float(), support)
        other = logits.float().contiguous(memory_format=torch.channels_last)
        assert sparse_focal_loss(other, support).item() == pytest.approx(plain.item())

    def test_weight(self) -> None:
        logits, support, _ = example(1.0)
        plain = SparseFocalLoss()(logits.float(), support)
        assert SparseFocalLoss(loss_weight=0.5)(logits.float(), support) == plain / 2


class TestMaskedL1Loss:
    def test_by_hand(self) -> None:
        prediction = torch.tensor([[1.0, 2.0], [5.0, 5.0], [9.0, 9.0]])
        target = torch.tensor([[0.0, 4.0], [5.0, 4.0], [0.0, 0.0]])
        loss = MaskedL1Loss(0.1)(prediction, target, torch.tensor([1.0, 1.0, 0.0]))
        assert loss.item() == pytest.approx(0.1 * (1 + 2 + 0 + 1) / (4 + 1e-4))

    def test_nothing_to_train_on(self) -> None:
        prediction = torch.zeros(0, 3, 2, requires_grad=True)
        loss = MaskedL1Loss()(prediction, torch.zeros(0, 3, 2), torch.zeros(0, 3))
        loss.backward()
        assert loss.item() == 0
        assert prediction.grad is not None
