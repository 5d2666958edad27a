# SPDX-License-Identifier: Apache-2.0
"""Deep layer aggregation (Yu et al., CVPR 2018, arXiv 1707.06484, figures 2 and 3).

Stages of increasing stride: a 7x7 convolution and two plain levels, then one tree a level. DLA-34
is the variant that CenterNet and DeepMark use. Layers are named as in the original
(https://github.com/ucbdrive/dla) and in timm, so that their weights load unchanged; CenterNet's
checkpoints have them below ``base.``.

Legend: B images, C channels, H x W input pixels; level i has stride 2 ** i.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn

from deepmark.engine.checkpoint_file import load_checkpoint_file
from deepmark.engine.checkpoint_match import match_state_dict, require_full_match, weights_of
from deepmark.models.backbones.timm_backbone import resolve_checkpoint
from deepmark.registry import MODELS

ConfigType = Mapping[str, Any]
PLAIN_LEVELS = 2


@MODELS.register_module()
class DLANet(BaseModule):
    """DLA of basic blocks; the defaults are DLA-34.

    A level is ``level{i}``: plain 3x3 convolutions for i < 2, a :class:`Tree` from level 2 on.
    Levels above the last of ``out_indices`` are not built: they would have no gradient.

    Args:
        levels: for each level the number of convolutions, or the depth of its tree.
        channels: for each level the channels of its output; ``channels[0]`` of the stem too.
        out_indices: levels that are returned, finest first.
        norm_cfg: normalisation.
        frozen_stages: the stem and levels 0 .. frozen_stages keep weights and statistics; -1
            freezes nothing.
        norm_eval: keep the running statistics of all batch normalisation.
        checkpoint: start weights: a file in timm's key layout, or a converted checkpoint of ours,
            of which the backbone is taken (``'package://NAME/PATH'``: see ``TimmBackbone``).
        init_cfg: mmengine's; by default the original's: convolutions normal with deviation
            sqrt(2 / (kernel area * out_channels)); normalisation starts with 1 and 0.

    Raises:
        ValueError: levels, channels, out_indices or frozen_stages do not fit each other.
    """

    def __init__(
        self,
        levels: Sequence[int] = (1, 1, 1, 2, 2, 1),
        channels: Sequence[int] = (16, 32, 64, 128, 256, 512),
        out_indices: Sequence[int] = (2, 3, 4, 5),
        norm_cfg: ConfigType | None = None,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        checkpoint: str | None = None,
        init_cfg: ConfigType | Sequence[ConfigType] | None = None,
    ) -> None:
        # By default Kaiming's initialiser is normal, by fan-out, for ReLU: the original's formula.
        super().__init__(init_cfg=init_cfg or {'type': 'Kaiming', 'layer': 'Conv2d'})
        _check_arguments(levels, channels, out_indices, frozen_stages)
        self.out_indices = tuple(out_indices)
        self.out_channels = [channels[level] for level in self.out_indices]
        self.stride = 2 ** self.out_indices[-1]
        self.norm_eval = norm_eval
        self.checkpoint = checkpoint
        norm = norm_cfg or {'type': 'BN'}
        self.base_layer = _conv_norm_relu(3, channels[0], 7, 1, norm)
        self.parts = ['base_layer']
        for level in range(self.out_indices[-1] + 1):
            before = channels[max(level - 1, 0)]
            module = _make_level(level, levels[level], before, channels[level], norm)
            self.parts.append(f'level{level}')
            self.add_module(self.parts[-1], module)
        self.frozen_parts = self.parts[: frozen_stages + 2] if frozen_stages >= 0 else []
        for part in self.frozen_parts:
            self.get_submodule(part).requires_grad_(False)

    def train(self, mode: bool = True) -> DLANet:
        """Switch the mode; frozen parts (and, if asked for, all norms) stay in evaluation mode."""
        super().train(mode)
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        for part in self.frozen_parts:
            self.get_submodule(part).eval()
        return self

    def init_weights(self) -> None:
        """Draw the weights, then load ``checkpoint``, if any.

        Raises:
            FileNotFoundError: there is no such file.
            CheckpointError: it cannot be read, lacks weights or has some of another shape.
        """
        super().init_weights()
        if self.checkpoint is None:
            return
        path = resolve_checkpoint(self.checkpoint)
        weights = _backbone_weights(weights_of(load_checkpoint_file(path)))
        require_full_match(self, weights, str(path))
        self.load_state_dict(weights, strict=False)
        unused = ', '.join(match_state_dict(self, weights).unused) or 'none'
        print_log(f'DLANet: start weights from {path.name}; not used: {unused}', 'current')

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Maps (B, channels[i], H / 2**i, W / 2**i) of the levels i in ``out_indices``.

        Raises:
            ValueError: H or W is no multiple of the coarsest stride (32 in DLA-34). Convolution and
                pooling would round such a size differently.
        """
        height, width = x.shape[-2:]
        if height % self.stride or width % self.stride:
            raise ValueError(
                f'DLANet needs a height and width that are multiples of {self.stride}, got '
                f'{height} x {width}: set data_preprocessor.pad_size_divisor={self.stride}'
            )
        wanted = {f'level{level}' for level in self.out_indices}
        features = []
        for part in self.parts:
            x = self.get_submodule(part)(x)
            if part in wanted:
                features.append(x)
        return tuple(features)


class Tree(nn.Module):
    """Two halves in a row, whose outputs are joined by a root (hierarchical aggregation).

    Of depth 1, the halves are basic blocks, and the root is a 1x1 convolution over both outputs
    and over what the tree inherited:

        first = block(x);  second = block(first);  root(second, first, *inherited)

    Of depth d, the halves are trees of depth d - 1. The first has a root of its own; the second
    inherits the first's output, so that its root joins the whole tree:

        first = tree(x);  tree(first, inherited = (*inherited, first))

    With ``level_root`` the pooled input is inherited too: the arrow between the levels in the
    paper's figure 3.

    Args:
        depth: of the recursion; 2 ** depth blocks.
        in_channels: of x.
        out_channels: of every block and root.
        stride: of the first block.
        level_root: whether the root sees the tree's input.
        norm_cfg: normalisation.
        inherited_channels: of all inherited maps together.
    """

    def __init__(
        self,
        depth: int,
        in_channels: int,
        out_channels: int,
        stride: int,
        level_root: bool,
        norm_cfg: ConfigType,
        inherited_channels: int = 0,
    ) -> None:
        super().__init__()
        self.depth = depth
        self.level_root = level_root
        self.downsample = nn.MaxPool2d(stride) if stride > 1 else nn.Identity()
        if level_root:
            inherited_channels += in_channels
        self.tree1: nn.Module
        self.tree2: nn.Module
        if depth > 1:
            first_tree = (depth - 1, in_channels, out_channels, stride, False, norm_cfg)
            second_tree = (depth - 1, out_channels, out_channels, 1, False, norm_cfg)
            self.tree1 = Tree(*first_tree)
            self.tree2 = Tree(*second_tree, inherited_channels + out_channels)
            # The original has a `project` here as well, which it computes and never uses.
            return
        self.tree1 = BasicBlock(in_channels, out_channels, stride, norm_cfg)
        self.tree2 = BasicBlock(out_channels, out_channels, 1, norm_cfg)
        self.root = Root(2 * out_channels + inherited_channels, out_channels, norm_cfg)
        self.project: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.project = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, bias=False),
                build_norm_layer(norm_cfg, out_channels)[1],
            )

    def forward(self, x: Tensor, inherited: tuple[Tensor, ...] = ()) -> Tensor:
        """(B, in_channels, h, w) to (B, out_channels, h / stride, w / stride)."""
        if self.level_root:
            inherited = (*inherited, self.downsample(x))
        result: Tensor
        if self.depth > 1:
            first = self.tree1(x)
            result = self.tree2(first, (*inherited, first))
        else:
            first = self.tree1(x, self.project(self.downsample(x)))
            second = self.tree2(first, first)
            result = self.root((second, first, *inherited))
        return result


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around which a shortcut leads, which the tree provides."""

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, norm_cfg: ConfigType
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = build_norm_layer(norm_cfg, out_channels)[1]
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = build_norm_layer(norm_cfg, out_channels)[1]
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        """``relu(shortcut + f(x))``, with the shortcut in the output's shape."""
        x = self.relu(self.bn1(self.conv1(x)))
        result: Tensor = self.relu(self.bn2(self.conv2(x)) + shortcut)
        return result


class Root(nn.Module):
    """1x1 convolution over the concatenated children of a tree."""

    def __init__(self, in_channels: int, out_channels: int, norm_cfg: ConfigType) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn = build_norm_layer(norm_cfg, out_channels)[1]
        self.relu = nn.ReLU(inplace=True)

    def forward(self, children: Sequence[Tensor]) -> Tensor:
        """Join maps of one size, in the order of the weights: the latest first."""
        result: Tensor = self.relu(self.bn(self.conv(torch.cat(tuple(children), dim=1))))
        return result


def _make_level(
    level: int, size: int, in_channels: int, out_channels: int, norm_cfg: ConfigType
) -> nn.Module:
    """Level ``level``: ``size`` convolutions, or a tree of depth ``size``."""
    stride = 1 if level == 0 else 2
    if level >= PLAIN_LEVELS:
        level_root = level > PLAIN_LEVELS
        return Tree(size, in_channels, out_channels, stride, level_root, norm_cfg)
    first = _conv_norm_relu(in_channels, out_channels, 3, stride, norm_cfg)
    others = (_conv_norm_relu(out_channels, out_channels, 3, 1, norm_cfg) for _ in range(1, size))
    return nn.Sequential(*first, *(layer for other in others for layer in other))


def _conv_norm_relu(
    in_channels: int, out_channels: int, kernel_size: int, stride: int, norm_cfg: ConfigType
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, bias=False),
        build_norm_layer(norm_cfg, out_channels)[1],
        nn.ReLU(inplace=True),
    )


def _backbone_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The part below ``backbone.`` of a detector's weights, or all where nothing is below it."""
    prefix = 'backbone.'
    own = {key[len(prefix) :]: value for key, value in weights.items() if key.startswith(prefix)}
    return own or dict(weights)


def _check_arguments(
    levels: Sequence[int], channels: Sequence[int], out_indices: Sequence[int], frozen_stages: int
) -> None:
    if len(levels) != len(channels) or min(levels, default=0) < 1:
        raise ValueError(
            'DLANet needs as many levels as channels and levels of at least 1, got '
            f'levels={tuple(levels)}, channels={tuple(channels)}'
        )
    wanted = tuple(out_indices)
    if not wanted or wanted != tuple(sorted(set(wanted) & set(range(len(levels))))):
        raise ValueError(
            f'DLANet.out_indices must be ascending and within 0..{len(levels) - 1}, got {wanted}'
        )
    if not -1 <= frozen_stages <= wanted[-1]:
        raise ValueError(
            f'DLANet.frozen_stages must be within -1..{wanted[-1]}, got {frozen_stages}'
        )
