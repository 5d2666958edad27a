# SPDX-License-Identifier: Apache-2.0
"""Backward of an op through autograd of its differentiable forward."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def computation_dtype(tensor: Tensor) -> torch.dtype:
    """Return float32 for half and bfloat16 (torchvision has no such CPU kernels), else its own."""
    return torch.float32 if tensor.dtype in (torch.float16, torch.bfloat16) else tensor.dtype


def vector_jacobian_product(
    forward: Callable[..., Tensor], inputs: Sequence[Tensor], grad_output: Tensor
) -> tuple[Tensor, ...]:
    """Run ``forward`` again and return d(output . grad_output) / d(input) for every input.

    Costs one more forward, and needs nothing but public API. mmcv calls an op's backward without
    grad mode and possibly under autocast; both are set here.
    """
    leaves = [tensor.detach().requires_grad_() for tensor in inputs]
    with torch.enable_grad(), torch.autocast(grad_output.device.type, enabled=False):
        output = forward(*leaves)
    return torch.autograd.grad(output, leaves, grad_output.to(output.dtype))
