# SPDX-License-Identifier: Apache-2.0
"""Mixed precision on the CPU and on CUDA alike.

mmengine's ``AmpOptimWrapper`` refuses a machine without an accelerator and always scales the loss.
bfloat16 has float32's range of exponents and needs no loss scaling; float16 does, and runs on CUDA
only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from deepmark.registry import OPTIM_WRAPPERS

DTYPES = {
    'bfloat16': torch.bfloat16,
    'float16': torch.float16,
    'float32': torch.float32,
    None: torch.float32,
}


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """An OptimWrapper whose training step runs under ``torch.autocast``.

    Args:
        dtype: 'bfloat16', 'float16' (CUDA only, with loss scaling), or 'float32' or None (no
            autocast). Base configs say None, which mmdet's ``train.py --amp`` leaves to mmengine's
            wrapper; a child config switches mixed precision off with 'float32'.
        loss_scale: Of float16: 'dynamic', a fixed scale, or the arguments of
            ``torch.amp.GradScaler``. Not used otherwise.
        **kwargs: Of ``OptimWrapper``: optimizer, accumulative_counts, clip_grad.

    Raises:
        ValueError: Unknown dtype, or float16 without CUDA.
    """

    def __init__(
        self,
        *,
        dtype: str | None = 'bfloat16',
        loss_scale: str | float | dict[str, Any] = 'dynamic',
        **kwargs: Any,
    ) -> None:
        if dtype not in DTYPES:
            raise ValueError(f'optim_wrapper.dtype is {dtype!r}, expected one of {list(DTYPES)}')
        self.device_type = torch.device(get_device()).type
        if dtype == 'float16' and self.device_type != 'cuda':
            raise ValueError(
                f"optim_wrapper.dtype='float16' needs CUDA; use 'bfloat16' on {self.device_type}"
            )
        if (
            dtype == 'bfloat16'
            and self.device_type == 'cuda'
            and not torch.cuda.is_bf16_supported(including_emulation=False)
        ):
            raise ValueError("this GPU has no bfloat16; set optim_wrapper.dtype='float16'")
        super().__init__(**kwargs)
        self.dtype = DTYPES[dtype]
        self.scaler = _make_scaler(loss_scale) if dtype == 'float16' else None
        self.fixed_scale = float(loss_scale) if isinstance(loss_scale, (int, float)) else None

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass and the losses under autocast."""
        enabled = self.dtype != torch.float32
        with (
            super().optim_context(model),
            torch.autocast(
                self.device_type, dtype=self.dtype if enabled else None, enabled=enabled
            ),
        ):
            yield

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Back-propagate, with the loss scaled in float16."""
        super().backward(loss if self.scaler is None else self.scaler.scale(loss), **kwargs)

    def step(self, **kwargs: Any) -> None:
        """Update the weights; in float16 skip a step whose gradients overflowed."""
        if self.scaler is None:
            super().step(**kwargs)
            return
        if self.clip_grad_kwargs:
            self.scaler.unscale_(self.optimizer)
            self._clip_grad()
        self.scaler.step(self.optimizer, **kwargs)
        self.scaler.update(self.fixed_scale)

    def state_dict(self) -> dict[str, Any]:
        """Add the state of the loss scaler under mmengine's key ``loss_scaler``."""
        state: dict[str, Any] = super().state_dict()
        if self.scaler is not None:
            state['loss_scaler'] = self.scaler.state_dict()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load own and mmengine's states, whatever precision they were saved in."""
        state = dict(state_dict)
        scaler_state = state.pop('loss_scaler', None)
        if self.scaler is not None and scaler_state:
            self.scaler.load_state_dict(scaler_state)
        super().load_state_dict(state)


def _make_scaler(loss_scale: str | float | dict[str, Any]) -> torch.amp.GradScaler:
    if loss_scale == 'dynamic':
        return torch.amp.GradScaler('cuda')
    if isinstance(loss_scale, dict):
        return torch.amp.GradScaler('cuda', **loss_scale)
    return torch.amp.GradScaler('cuda', init_scale=float(loss_scale))
