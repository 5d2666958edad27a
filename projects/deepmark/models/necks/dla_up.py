# SPDX-License-Identifier: Apache-2.0
"""DLA's decoder: iterative up-sampling from all levels of a pyramid to its finest.

Yu et al., "Deep Layer Aggregation", CVPR 2018, figures 2 and 4, in CenterNet's form (Zhou et al.,
"Objects as Points", arXiv 1904.07850, figure 6: deformable convolutions before every up-sampling
and at every join), xingyizhou/CenterNet at 4c50fd3, output stride 4. Layers are named as there, but
that ``conv_offset_mask`` is ``conv_offset`` here.

With levels 0 .. L-1, finest first:

    dla_up.ida_0    joins level L-1 into level L-2
    dla_up.ida_i    joins what came out of ida_{i-1} (all at the stride of level L-1-i) into
                    level L-2-i, one after the other; its last result is kept
    ida_up          joins the kept results of strides 4, 8, 16 ... at once, by factors 1, 2, 4 ...

Legend: B images, C channels, H x W cells of the finest level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from deepmark.models.layers import DeformConv
from deepmark.registry import MODELS


@MODELS.register_module()
class DLAUp(BaseModule):
    """Fuse a feature pyramid into one map at its finest stride.

    Args:
        in_channels: channels of each level, finest first; each level has half the size of the one
            before it.
        dcn: deformable convolutions, as the original. False puts plain 3x3 convolutions (with the
            same ``weight`` and ``bias``) in their place, for exports and devices that have none.
        norm_cfg: normalisation.
        init_cfg: mmengine's.

    Raises:
        ValueError: fewer than two levels.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        dcn: bool = True,
        norm_cfg: Mapping[str, Any] | None = None,
        init_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if len(in_channels) < 2:
            raise ValueError(f'DLAUp needs two levels or more, got in_channels={in_channels}')
        self.in_channels = tuple(in_channels)
        self.out_channels = self.in_channels[0]
        norm = norm_cfg or {'type': 'BN'}
        self.dla_up = nn.ModuleDict()
        for i, (coarse, fine) in enumerate(pairwise(reversed(self.in_channels))):
            joined = i + 1
            self.dla_up[f'ida_{i}'] = IDAUp([coarse] * joined, fine, [2] * joined, dcn, norm)
        kept = self.in_channels[1:-1]
        factors = [2**level for level in range(1, len(kept) + 1)]
        self.ida_up = IDAUp(kept, self.out_channels, factors, dcn, norm)

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor]:
        """One map (B, in_channels[0], H, W) in a tuple.

        Raises:
            ValueError: other levels than ``in_channels`` says, or a size that is not twice the
                next one.
        """
        self._check(features)
        levels = list(features)
        kept: list[Tensor] = []
        for i, ida in enumerate(self.dla_up.values()):
            levels[-2 - i :] = ida(levels[-2 - i :])
            kept.insert(0, levels[-1])
        return (self.ida_up(kept)[-1],)

    def _check(self, features: Sequence[Tensor]) -> None:
        channels = tuple(feature.shape[1] for feature in features)
        if channels != self.in_channels:
            raise ValueError(
                f'DLAUp(in_channels={self.in_channels}) was given levels with {channels} channels: '
                "in_channels and the backbone's out_indices must agree"
            )
        sizes = [tuple(feature.shape[-2:]) for feature in features]
        for fine, coarse in pairwise(sizes):
            if fine != (2 * coarse[0], 2 * coarse[1]):
                raise ValueError(
                    f'DLAUp needs levels of half the size each, got {sizes}: pad the input to a '
                    'multiple of the coarsest stride (data_preprocessor.pad_size_divisor)'
                )


class IDAUp(nn.Module):
    """Join coarser maps into a finer one, one after the other (iterative deep aggregation).

    ``result_n = node_n(up_n(proj_n(map_n)) + result_{n-1})`` with ``result_0 = map_0``.

    Args:
        in_channels: of map 1, 2 ...
        out_channels: of map 0 and of all results.
        factors: how much finer map 0 is than map 1, 2 ...
        dcn: deformable convolutions.
        norm_cfg: normalisation.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int,
        factors: Sequence[int],
        dcn: bool,
        norm_cfg: Mapping[str, Any],
    ) -> None:
        super().__init__()
        for n, (channels, factor) in enumerate(zip(in_channels, factors, strict=True), start=1):
            self.add_module(f'proj_{n}', ConvNormReLU(channels, out_channels, dcn, norm_cfg))
            self.add_module(f'up_{n}', bilinear_upsampling(out_channels, factor))
            self.add_module(f'node_{n}', ConvNormReLU(out_channels, out_channels, dcn, norm_cfg))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The results 0, 1, 2 ..., all of the size of map 0."""
        results = [maps[0]]
        for n, coarser in enumerate(maps[1:], start=1):
            project, up, node = (getattr(self, f'{name}_{n}') for name in ('proj', 'up', 'node'))
            results.append(node(up(project(coarser)) + results[-1]))
        return results


class ConvNormReLU(nn.Module):
    """3x3 convolution (deformable or plain), normalisation, ReLU, under the original's names."""

    def __init__(
        self, in_channels: int, out_channels: int, dcn: bool, norm_cfg: Mapping[str, Any]
    ) -> None:
        super().__init__()
        self.conv = (
            DeformConv(in_channels, out_channels)
            if dcn
            else nn.Conv2d(in_channels, out_channels, 3, padding=1)
        )
        self.actf = nn.Sequential(
            build_norm_layer(norm_cfg, out_channels)[1], nn.ReLU(inplace=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, h, w) to (B, out_channels, h, w)."""
        result: Tensor = self.actf(self.conv(x))
        return result


def bilinear_upsampling(channels: int, factor: int) -> nn.ConvTranspose2d:
    """A transposed convolution of each channel by itself that starts as bilinear interpolation.

    Pixel areas are aligned (``align_corners=False``): the kernel of 2 * factor cells is the product
    of two triangles, 1 - |i + 1/2 - factor| / factor. At the border the missing cells count as 0.

    Args:
        channels: in and out.
        factor: an even number.
    """
    layer = nn.ConvTranspose2d(
        channels, channels, 2 * factor, factor, padding=factor // 2, groups=channels, bias=False
    )
    triangle = 1 - (torch.arange(2 * factor) + 0.5 - factor).abs() / factor
    with torch.no_grad():
        layer.weight.copy_(torch.outer(triangle, triangle))
    return layer
