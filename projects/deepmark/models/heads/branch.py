# SPDX-License-Identifier: Apache-2.0
"""A head branch that can be run on the whole map or on single cells.

Box size, offsets and coarse landmarks are read at the objects' cells only: a hundred of 16,384. A
3x3 convolution and a 1x1 convolution at a cell need nothing but its 3x3 patch, so the branch is
applied to gathered patches there, with the same weights and the same result.

Legend: B images, F feature channels, H x W cells, n cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Branch(nn.Sequential):
    """3x3 convolution to ``feat_channels``, ReLU, 1x1 convolution.

    Args:
        in_channels: F.
        feat_channels: hidden channels.
        out_channels: channels of the map.
        bias: initial bias of the last convolution.
    """

    def __init__(
        self, in_channels: int, feat_channels: int, out_channels: int, bias: float = 0.0
    ) -> None:
        hidden = nn.Conv2d(in_channels, feat_channels, 3, padding=1)
        last = nn.Conv2d(feat_channels, out_channels, 1)
        super().__init__(hidden, nn.ReLU(inplace=True), last)
        for layer, value in zip(self._convolutions(), (0.0, bias), strict=True):
            if layer.bias is not None:
                nn.init.constant_(layer.bias, value)

    def _convolutions(self) -> tuple[nn.Conv2d, nn.Conv2d]:
        hidden, _, last = self
        return cast(nn.Conv2d, hidden), cast(nn.Conv2d, last)

    def at(self, patches: Tensor) -> Tensor:
        """Values (n, out_channels) in float32 at the centres of patches (n, 3, 3, F).

        The last layer runs in float32 under autocast too: bfloat16 knows 100.3 cells only as 100.5.
        """
        hidden, last = self._convolutions()
        weight = hidden.weight.permute(0, 2, 3, 1).flatten(1)
        activation = F.relu(F.linear(patches.flatten(1), weight, hidden.bias))
        with torch.autocast(patches.device.type, enabled=False):
            return F.linear(activation.float(), last.weight.flatten(1), last.bias)

    def everywhere(self, feature: Tensor) -> Tensor:
        """The same for every cell: (B, out_channels, H, W) in float32."""
        hidden, last = self._convolutions()
        activation = F.relu(hidden(feature))
        with torch.autocast(feature.device.type, enabled=False):
            result: Tensor = last(activation.float())
        return result


class CellReader:
    """Reads branches at single cells of one feature map.

    Args:
        feature: (B, F, H, W).
        branches: by name.
        dense_share: with more than this share of all cells wanted, the whole map is computed.
    """

    def __init__(
        self, feature: Tensor, branches: Mapping[str, Branch], dense_share: float = 0.125
    ) -> None:
        self.feature = feature
        self.branches = branches
        self.dense_share = dense_share
        self._padded = F.pad(feature, (1, 1, 1, 1)).permute(0, 2, 3, 1)
        steps = torch.arange(3, device=feature.device)
        self._steps_y, self._steps_x = steps.view(1, 3, 1), steps.view(1, 1, 3)
        self._gathered: tuple[Tensor, Tensor | None, Tensor] | None = None

    def read(self, branch: str, cells: Tensor) -> Tensor:
        """Values (B, n, channels) at integer cells (B, n, 2), x before y; repeats are free."""
        if self._gathered is None or self._gathered[0] is not cells:
            self._gathered = (cells, *self._gather_once(cells))
        _, patches, inverse = self._gathered
        module = self.branches[branch]
        if patches is None:
            dense = module.everywhere(self.feature).permute(0, 2, 3, 1).flatten(0, 2)
            return dense[inverse]
        return module.at(patches)[inverse]

    def read_flat(self, branch: str, image_index: Tensor, cells: Tensor) -> Tensor:
        """Values (n, channels) at cells (n, 2) of the images ``image_index`` (n,)."""
        return self.branches[branch].at(self._patches(image_index, cells))

    def _gather_once(self, cells: Tensor) -> tuple[Tensor | None, Tensor]:
        """Patches of the different cells (None: too many, take the map) and who is which."""
        batch, _, height, width = self.feature.shape
        image = torch.arange(batch, device=cells.device)[:, None]
        flat = (image * height + cells[..., 1]) * width + cells[..., 0]
        unique, inverse = torch.unique(flat, return_inverse=True)
        if len(unique) > self.dense_share * batch * height * width:
            return None, flat
        row = torch.div(unique, width, rounding_mode='floor')
        image = torch.div(row, height, rounding_mode='floor')
        x, y = unique - row * width, row - image * height
        return self._patches(image, torch.stack([x, y], dim=-1)), inverse

    def _patches(self, image_index: Tensor, cells: Tensor) -> Tensor:
        """(n, 3, 3, F) surroundings of cells (n, 2)."""
        y = cells[:, 1].view(-1, 1, 1) + self._steps_y
        x = cells[:, 0].view(-1, 1, 1) + self._steps_x
        return self._padded[image_index.view(-1, 1, 1), y, x]
