# SPDX-License-Identifier: Apache-2.0
"""roi_align through mmcv's autograd function, against torchvision and a ramp."""

from __future__ import annotations

import pytest
import torch
import torchvision
from mmcv.ops.roi_align import RoIAlignFunction

from deepmark_standins.errors import MissingOpError

ROIS = torch.tensor([[0, 2.0, 1.0, 6.0, 5.0], [1, 0.0, 0.0, 7.0, 4.0]])


@pytest.mark.parametrize('aligned', [True, False])
@pytest.mark.parametrize('sampling_ratio', [0, 2])
def test_forward_and_backward_equal_torchvision(
    aligned: bool, sampling_ratio: int, device: torch.device
) -> None:
    features = torch.rand(2, 3, 6, 9, device=device, requires_grad=True)
    rois = ROIS.to(device)
    ours = RoIAlignFunction.apply(features, rois, (2, 3), 0.5, sampling_ratio, 'avg', aligned)
    theirs = torchvision.ops.roi_align(features, rois, (2, 3), 0.5, sampling_ratio, aligned)
    assert ours.shape == (2, 3, 2, 3)
    assert torch.equal(ours, theirs)
    weights = torch.rand_like(ours)
    (grad_ours,) = torch.autograd.grad(ours, features, weights, retain_graph=True)
    (grad_theirs,) = torch.autograd.grad(theirs, features, weights)
    torch.testing.assert_close(grad_ours, grad_theirs)


def test_a_ramp_gives_the_bin_centres(device: torch.device) -> None:
    # value = x; region x 2..6 in two bins: centres 3 and 5 in pixel edges, 2.5 and 4.5 in pixels.
    ramp = torch.arange(9.0, device=device).expand(1, 1, 6, 9)
    pooled = RoIAlignFunction.apply(ramp, ROIS[:1].to(device), (1, 2), 1.0, 2, 'avg', True)
    assert pooled.flatten().tolist() == pytest.approx([2.5, 4.5])


def test_no_regions(device: torch.device) -> None:
    features = torch.rand(1, 3, 6, 9, device=device, requires_grad=True)
    pooled = RoIAlignFunction.apply(features, torch.zeros(0, 5, device=device), 2, 1.0)
    pooled.sum().backward()
    assert pooled.shape == (0, 3, 2, 2)
    assert features.grad is not None
    assert features.grad.abs().sum() == 0


def test_bfloat16_is_computed_in_float32(device: torch.device) -> None:
    features = torch.rand(2, 3, 6, 9, device=device).bfloat16().requires_grad_()
    pooled = RoIAlignFunction.apply(features, ROIS.to(device), 2, 1.0, 2)
    pooled.float().sum().backward()
    reference = torchvision.ops.roi_align(
        features.detach().float(), ROIS.to(device), 2, 1.0, 2, True
    )
    assert pooled.dtype == torch.bfloat16
    torch.testing.assert_close(pooled, reference.bfloat16())
    assert features.grad is not None
    assert features.grad.dtype == torch.bfloat16


def test_max_pooling_is_an_error_that_names_it() -> None:
    with pytest.raises(MissingOpError, match="roi_align with pool_mode='max'"):
        RoIAlignFunction.apply(torch.rand(2, 1, 6, 9), ROIS, 2, 1.0, 2, 'max')
