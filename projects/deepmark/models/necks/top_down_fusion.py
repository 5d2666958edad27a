# SPDX-License-Identifier: Apache-2.0
"""A light decoder: a pyramid in, its finest level out, enriched from above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from deepmark.registry import MODELS


@MODELS.register_module()
class TopDownFusion(BaseModule):
    """Fuse a feature pyramid into one map at its finest stride.

    From the coarsest level down: up-sample to the next level's size (nearest), add that level's 1x1
    projection, smooth with a 3x3 convolution. Unlike mmdet's FPN it computes no level that a
    single-map head would leave unread (which DistributedDataParallel would refuse).

    Args:
        in_channels: channels of each level, finest first.
        out_channels: channels inside and of the output.
        norm_cfg: normalisation.
        init_cfg: mmengine's.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int = 64,
        norm_cfg: Mapping[str, Any] | None = None,
        init_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        norm = dict(norm_cfg or {'type': 'BN'})
        self.lateral_convs = nn.ModuleList(
            ConvModule(channels, out_channels, 1, norm_cfg=norm, act_cfg=None)
            for channels in in_channels
        )
        self.fusion_convs = nn.ModuleList(
            ConvModule(out_channels, out_channels, 3, padding=1, norm_cfg=norm)
            for _ in in_channels[:-1]
        )

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor]:
        """One map (B, out_channels, H, W) of the finest level's size, in a tuple."""
        fused = F.relu(self.lateral_convs[-1](features[-1]))
        for level in range(len(features) - 2, -1, -1):
            lateral = self.lateral_convs[level](features[level])
            above = F.interpolate(fused, size=lateral.shape[-2:], mode='nearest')
            fused = self.fusion_convs[level](F.relu(lateral + above))
        return (fused,)
