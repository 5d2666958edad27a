# SPDX-License-Identifier: Apache-2.0
"""Modulated deformable convolution (Zhu et al., "Deformable ConvNets v2", CVPR 2019, eq. 1).

    output(p) = bias + sum over the taps k of  weight_k * mask_k(p) * input(p + tap_k + offset_k(p))

``input`` is read bilinearly and is 0 outside the map; mask is a sigmoid. Offsets and masks come
from a convolution of the same input. The kernel is torchvision's, so no compiled mmcv is needed;
mmcv's op has the same channel order and the same values.

Legend: B images, H x W cells, 9 taps row by row.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

TAPS = 9


class DeformConv(nn.Module):
    """3x3 deformable convolution of stride 1, one group, size kept.

    ``conv_offset`` gives 27 channels: (y, x) of each tap, then the nine mask logits. It starts at
    zero, so that the layer starts as half (sigmoid(0)) a plain convolution; ``weight`` starts
    uniform in +-1 / sqrt(9 * in_channels) and ``bias`` at zero, as CenterNet's layer does.

    All of it runs in float32, under autocast and with half-precision weights too: torchvision's CPU
    kernel has no bfloat16, and bfloat16 knows an offset of 5.3 cells only as 5.3125. The output has
    the input's dtype again, as torchvision's own CUDA autocast does it, so that the activations
    that are kept for the backward pass stay small.

    Args:
        in_channels: of the input.
        out_channels: of the output.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.empty(out_channels))
        self.conv_offset = nn.Conv2d(in_channels, 3 * TAPS, 3, padding=1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start anew, see the class."""
        bound = (TAPS * self.weight.shape[1]) ** -0.5
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.zeros_(self.bias)
        for parameter in self.conv_offset.parameters():
            nn.init.zeros_(parameter)

    def extra_repr(self) -> str:
        """Channels, for ``print(model)``."""
        return f'{self.weight.shape[1]}, {self.weight.shape[0]}'

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H, W) of the same dtype."""
        dtype = torch.promote_types(x.dtype, torch.float32)
        with torch.autocast(x.device.type, enabled=False):
            output: Tensor = self._convolve(x.to(dtype))
        return output.to(x.dtype)

    def _convolve(self, x: Tensor) -> Tensor:
        # Parameters are cast one by one: calling conv_offset would fail in a model.bfloat16().
        named = {name: parameter.to(x.dtype) for name, parameter in self.named_parameters()}
        sampling = F.conv2d(x, named['conv_offset.weight'], named['conv_offset.bias'], padding=1)
        offset, mask_logits = sampling.split((2 * TAPS, TAPS), dim=1)
        output: Tensor = deform_conv2d(
            x, offset, named['weight'], named['bias'], padding=(1, 1), mask=mask_logits.sigmoid()
        )
        return output
