# SPDX-License-Identifier: Apache-2.0
"""Mixed precision runs on the CPU, and float16 scales its loss on CUDA."""

from __future__ import annotations

import pytest
import torch
from mmengine.device import get_device
from mmengine.optim import build_optim_wrapper
from torch import nn

from deepmark.engine.autocast_optim_wrapper import AutocastOptimWrapper

SGD = {'type': 'SGD', 'lr': 0.5, 'momentum': 0.9}
ON_CUDA = get_device() == 'cuda'


def model_of_ones() -> nn.Linear:
    model = nn.Linear(2, 1, bias=False)
    nn.init.ones_(model.weight)
    return model.to(get_device())


def build(model: nn.Module, **settings: object) -> AutocastOptimWrapper:
    return build_optim_wrapper(
        model, {'type': 'deepmark.AutocastOptimWrapper', 'optimizer': SGD, **settings}
    )


@pytest.mark.parametrize(
    ('dtype', 'expected'), [('bfloat16', torch.bfloat16), ('float32', torch.float32)]
)
def test_layers_run_in_the_dtype(dtype: str, expected: torch.dtype) -> None:
    model = model_of_ones()
    wrapper = build(model, dtype=dtype)
    with wrapper.optim_context(model):
        assert model(torch.ones(1, 2, device=get_device())).dtype == expected
    assert model(torch.ones(1, 2, device=get_device())).dtype == torch.float32


def test_one_step_by_hand() -> None:
    model = model_of_ones()
    wrapper = build(model)
    with wrapper.optim_context(model):
        loss = model(torch.tensor([[1.0, 2.0]], device=get_device())).float().sum()
    assert loss.item() == 3
    wrapper.update_params(loss)
    # d loss / d weight = (1, 2); weight - 0.5 * gradient = (0.5, 0)
    assert model.weight.tolist() == [[0.5, 0.0]]
    assert model.weight.dtype == torch.float32


def test_gradients_are_clipped_and_accumulated() -> None:
    model = model_of_ones()
    wrapper = build(model, accumulative_counts=2, clip_grad={'max_norm': 1.0})
    for expected in ([[1.0, 1.0]], [[0.7, 0.6]]):
        loss = model(torch.tensor([[3.0, 4.0]], device=get_device())).sum()
        wrapper.update_params(loss)
        # The mean of two equal gradients (3, 4), scaled to norm 1: (0.6, 0.8), times 0.5.
        assert model.weight.tolist() == [pytest.approx(expected[0], abs=1e-6)]


def test_the_state_of_other_wrappers_can_be_resumed() -> None:
    wrapper = build(model_of_ones())
    state = wrapper.state_dict()
    assert 'loss_scaler' not in state
    build(model_of_ones()).load_state_dict({**state, 'loss_scaler': {'scale': 2.0}})
    state['param_groups'][0]['lr'] = 0.125
    other = build(model_of_ones())
    other.load_state_dict(state)
    assert other.get_lr()['lr'] == [0.125]


def test_a_wrong_dtype_is_named() -> None:
    with pytest.raises(ValueError, match="'int8', expected one of"):
        build(model_of_ones(), dtype='int8')


@pytest.mark.skipif(ON_CUDA, reason='the machine has CUDA')
def test_float16_without_cuda_is_refused() -> None:
    with pytest.raises(ValueError, match='needs CUDA'):
        build(model_of_ones(), dtype='float16')


@pytest.mark.gpu
@pytest.mark.skipif(not ON_CUDA, reason='needs a CUDA device')
@pytest.mark.parametrize('loss_scale', ['dynamic', 4.0, {'init_scale': 8.0}])
def test_float16_scales_the_loss(loss_scale: object) -> None:
    model = model_of_ones()
    wrapper = build(model, dtype='float16', loss_scale=loss_scale)
    with wrapper.optim_context(model):
        loss = model(torch.tensor([[1.0, 2.0]], device='cuda')).float().sum()
    wrapper.update_params(loss)
    assert model.weight.tolist() == [[0.5, 0.0]]
    assert wrapper.state_dict()['loss_scaler']['scale'] >= 4
