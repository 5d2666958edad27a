# SPDX-License-Identifier: Apache-2.0
"""OKS with a unit for each landmark: worked out by hand, and beside mmpose's shared sigmas."""

from __future__ import annotations

import math

import pytest
import torch
from mmpose.models.losses import OKSLoss
from mmpose.models.task_modules.assigners.metric_calculators import PoseOKS

from deepmark.models import LandmarkUnitOKS, LandmarkUnitOKSLoss

# Two garments of area 100. Units: the first has sigmas .1 and .2, the second .05 and a padding.
AREAS = 100 * torch.tensor([[0.2, 0.4], [0.1, 1.0]]) ** 2
WEIGHT = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
TRUTH = torch.tensor([[[10.0, 10.0], [20.0, 10.0]], [[30.0, 5.0], [0.0, 0.0]]])
# off by (0, 2), (3, 0) and (0, -1); the padding is anywhere
FOUND = torch.tensor([[[10.0, 12.0], [23.0, 10.0]], [[30.0, 4.0], [77.0, 9.0]]])
# d = 2 at unit 2; d = 3 at unit 4; d = 1 at unit 1
FIRST = (math.exp(-0.5) + math.exp(-9 / 32)) / 2
SECOND = math.exp(-0.5)


def test_the_loss_by_hand() -> None:
    loss = LandmarkUnitOKSLoss(reduction='none', norm_target_weight=True)
    assert loss(FOUND, TRUTH, WEIGHT, AREAS).tolist() == pytest.approx([1 - FIRST, 1 - SECOND])


def test_all_pairs_by_hand() -> None:
    oks = LandmarkUnitOKS()(FOUND[:, None], TRUTH[None], WEIGHT[None], AREAS[None])
    assert oks.shape == (2, 2)
    assert oks.diagonal().tolist() == pytest.approx([FIRST, SECOND])
    # the second garment's own landmark is at (30, 5), 21.19 units from the first one found
    assert oks[0, 1].item() == pytest.approx(math.exp(-(20**2 + 7**2) / 2), abs=1e-12)


def test_a_landmark_of_weight_zero_has_no_gradient() -> None:
    found = FOUND.clone().requires_grad_()
    LandmarkUnitOKSLoss(reduction='sum', norm_target_weight=True)(
        found, TRUTH, WEIGHT, AREAS
    ).backward()
    assert found.grad is not None
    assert found.grad[1, 1].tolist() == [0, 0]
    assert (found.grad[0].abs().sum(-1) > 0).all()


def test_equal_sigmas_give_the_figures_of_mmpose() -> None:
    sigma, area = 0.1, torch.tensor([100.0, 400.0])
    units = (area * (2 * sigma) ** 2)[:, None].expand(2, 2)
    settings = dict(reduction='none', norm_target_weight=True, loss_weight=3.0)
    theirs, ours = OKSLoss(metainfo=None, **settings), LandmarkUnitOKSLoss(**settings)
    theirs.register_buffer('sigmas', torch.full((2,), sigma))
    expected = theirs(FOUND, TRUTH, WEIGHT, area)
    torch.testing.assert_close(ours(FOUND, TRUTH, WEIGHT, units), expected)
    pairwise = PoseOKS(metainfo=None)
    pairwise.sigmas = torch.full((2,), sigma)
    arguments = FOUND[:, None], TRUTH[None], WEIGHT[None]
    expected = pairwise(*arguments, area[None])
    torch.testing.assert_close(LandmarkUnitOKS()(*arguments, units[None]), expected)
