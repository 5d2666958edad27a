# SPDX-License-Identifier: Apache-2.0
"""Keep activation checkpointing from changing what is trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmengine.hooks import Hook
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from deepmark.engine.checkpoint_match import inner_model
from deepmark.engine.errors import RunError
from deepmark.registry import HOOKS


@HOOKS.register_module()
class ActivationCheckpointingHook(Hook):
    """Mend and guard the Runner's ``activation_checkpointing = ['backbone.x', ...]``.

    The Runner computes the listed modules anew in the backward pass, in training mode. Two things
    go wrong with that:

    - A batch norm inside takes each batch into its running mean and variance twice: a momentum m of
      0.1 acts as 1 - 0.9^2 = 0.19. For n computations a step this hook sets it to
      1 - (1 - m)^(1 / n), which n times over is m.
    - torch's reentrant checkpointing, which mmengine takes, gives no gradient to a module whose
      inputs need none, such as the network's first layer or one behind a frozen part; torch only
      warns. This hook makes it an error.

    A listed container whose parts are called one by one would be neither recomputed nor noticed: an
    error after the first step.

    Without checkpointing in the config nothing happens.
    """

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []
        self._uncalled: set[str] = set()

    def before_train(self, runner: Any) -> None:
        """Lower the momenta and watch the inputs; the Runner has wrapped the modules by now."""
        listed = runner.cfg.get('activation_checkpointing') or ()
        names = [listed] if isinstance(listed, str) else list(listed)
        model = inner_model(runner.model)
        for norm, count in computations(model, names).items():
            if norm.momentum is not None:  # None: a plain mean over all batches, right either way
                self._undo.append(_set_momentum(norm, 1 - (1 - norm.momentum) ** (1 / count)))
        self._uncalled = set(names)
        for name in names:
            module = model.get_submodule(name)
            watch = module.register_forward_pre_hook(_make_input_check(name, self._uncalled))
            self._undo.append(watch.remove)

    def after_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        """See that every listed module was called.

        Raises:
            RunError: One was not.
        """
        if self._uncalled:
            raise RunError(
                f'activation_checkpointing: {", ".join(sorted(self._uncalled))}: never called as a '
                'whole; list its parts'
            )

    def after_train(self, runner: Any) -> None:
        """Leave the model as it was."""
        while self._undo:
            self._undo.pop()()


def computations(model: nn.Module, names: Sequence[str]) -> dict[_BatchNorm, int]:
    """Count how often a training step computes each batch norm of the checkpointed modules.

    Args:
        model: The model.
        names: Its checkpointed modules; one inside another is computed once more.

    Example:
        >>> model = nn.Sequential(nn.BatchNorm2d(1), nn.Sequential(nn.BatchNorm2d(1)))
        >>> list(computations(model, ['1']).values())
        [2]
    """
    counts: dict[_BatchNorm, int] = {}
    for name in names:
        for module in model.get_submodule(name).modules():
            if isinstance(module, _BatchNorm):
                counts[module] = counts.get(module, 1) + 1
    return counts


def _set_momentum(norm: _BatchNorm, momentum: float) -> Callable[[], object]:
    """Set it, and return what sets it back."""
    before = norm.momentum
    norm.momentum = momentum
    return lambda: setattr(norm, 'momentum', before)


def _make_input_check(
    name: str, uncalled: set[str]
) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    def check(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        uncalled.discard(name)
        trained = any(parameter.requires_grad for parameter in module.parameters())
        needed = any(isinstance(value, Tensor) and value.requires_grad for value in inputs)
        if torch.is_grad_enabled() and trained and not needed:
            raise RunError(
                f'activation_checkpointing: {name} would get no gradient, because its input needs '
                'none (it is the first layer, or all before it is frozen); take it off the list'
            )

    return check
