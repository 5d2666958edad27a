# SPDX-License-Identifier: Apache-2.0
"""A branch read at cells gives what the whole map holds there."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from deepmark.models.heads.branch import Branch, CellReader


@pytest.fixture
def branches() -> nn.ModuleDict:
    torch.manual_seed(0)
    return nn.ModuleDict({'size': Branch(4, 6, 3, bias=0.5)})


CORNERS_AND_MORE = torch.tensor(
    [[[0, 0], [8, 0], [0, 5], [8, 5], [3, 2]], [[1, 1], [1, 1], [8, 3], [4, 5], [0, 2]]]
)


@pytest.mark.parametrize('dense_share', [0.0, 1.0], ids=['dense', 'patches'])
def test_values_and_gradients_equal_the_map(branches: nn.ModuleDict, dense_share: float) -> None:
    feature = torch.randn(2, 4, 6, 9, requires_grad=True)
    image = torch.arange(2)[:, None]
    whole = branches['size'](feature)[image, :, CORNERS_AND_MORE[..., 1], CORNERS_AND_MORE[..., 0]]
    (expected,) = torch.autograd.grad(whole.square().sum(), feature)
    read = CellReader(feature, branches, dense_share).read('size', CORNERS_AND_MORE)
    (gradient,) = torch.autograd.grad(read.square().sum(), feature)
    torch.testing.assert_close(read, whole)
    torch.testing.assert_close(gradient, expected)


def test_flat_reading(branches: nn.ModuleDict) -> None:
    feature = torch.randn(2, 4, 6, 9)
    image, cells = torch.tensor([1, 0, 1]), torch.tensor([[8, 5], [0, 0], [3, 4]])
    expected = branches['size'](feature)[image, :, cells[:, 1], cells[:, 0]]
    read = CellReader(feature, branches).read_flat('size', image, cells)
    torch.testing.assert_close(read, expected)


def test_no_cells_give_zero_gradients(branches: nn.ModuleDict) -> None:
    feature = torch.randn(2, 4, 6, 9, requires_grad=True)
    empty = torch.zeros(0, dtype=torch.long)
    read = CellReader(feature, branches).read_flat('size', empty, torch.zeros(0, 2).long())
    read.sum().backward()
    # DistributedDataParallel needs a gradient for every weight, also without any object.
    assert all(p.grad is not None and p.grad.abs().max() == 0 for p in branches.parameters())


def test_initial_bias(branches: nn.ModuleDict) -> None:
    assert branches['size'][0].bias.abs().max() == 0
    assert (branches['size'][2].bias == 0.5).all()


def test_regression_stays_precise_under_autocast(branches: nn.ModuleDict) -> None:
    branch = branches['size']
    with torch.no_grad():
        branch[2].weight.zero_()
        branch[2].bias.fill_(100.3)  # bfloat16 has only 100.0 and 100.5 nearby
    cells = torch.tensor([[[0, 0]], [[8, 5]]])
    for dense_share in (0.0, 1.0):
        with torch.autocast('cpu', torch.bfloat16):
            reader = CellReader(torch.randn(2, 4, 6, 9), branches, dense_share)
            read = reader.read('size', cells)
        torch.testing.assert_close(read, torch.full((2, 1, 3), 100.3))


def test_other_cells_are_not_taken_from_the_cache(branches: nn.ModuleDict) -> None:
    feature = torch.randn(2, 4, 6, 9)
    reader = CellReader(feature, branches, dense_share=1.0)
    first = torch.tensor([[[0, 0]], [[8, 5]]])
    second = torch.tensor([[[3, 1]], [[0, 2]]])
    image = torch.arange(2)[:, None]
    for cells in (first, first, second, first):
        expected = branches['size'](feature)[image, :, cells[..., 1], cells[..., 0]]
        torch.testing.assert_close(reader.read('size', cells), expected)
