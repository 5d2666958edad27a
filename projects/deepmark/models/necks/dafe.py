# SPDX-License-Identifier: Apache-2.0
"""DAFE: Dual Attention Feature Enhancement, a top-down neck for fashion landmarks.

Chen, Qin, Qi, Sun, "Dual Attention Feature Enhancement Network for Fashion Landmark Estimation",
ICCVW 2019. Only its abstract was at hand. What it leaves open follows one public reimplementation
(Benybrahim/DAFE), or is our choice; everything of that kind is an argument:

====================  ======================  =============================  =======================
part                  the abstract            the public reading             here (default first)
====================  ======================  =============================  =======================
spatial attention     low-level detail,       A = norm(up(sigmoid(conv x)))  ``spatial_attention``:
                      guided by an attention  one map a channel, nearest     on, off (A = 1)
                      matrix from the         up-sampling
                      high level
its normalisation     -                       batch norm after the sigmoid,  ``attention_norm_cfg``:
                                              a late addition                None, any norm layer
up-sampling of x      -                       1x1 transposed convolution,    ``upsampling``:
                                              stride 2, ReLU                 deconv, bilinear
channel attention     long-range relations    mean over the map, 1x1, ReLU,  ``channel_attention``:
                      between channels        1x1                            squeeze, affinity, None
gate of its weights   -                       none                           ``gate``: None, sigmoid
squeezed width        -                       256, 64, 32 of 512, 256, 64    a quarter of the step's
residual ``+ y``      -                       yes, a late addition           ``residual``: on, off
widths                -                       those of ResNet's levels       ``width``: None (same),
                                                                             one for all steps
backbone levels       -                       ResNet-50, one stage earlier   strides 4, 8, 16, 32
====================  ======================  =============================  =======================

The normalisation is off by default because a normalised attention is no longer between 0 and 1.
"1x1" at stride 2 writes every fourth cell and leaves the bias in the others; ``bilinear`` has no
such holes.

One step, from the high level x (h x w) to the low level y (H x W, C channels):

    u = relu(up(x)),  s = u + A * y                       spatial attention
    e = s * c(s), or softmax(S S^T) S with S = s as (C, H W)   channel attention
    z = e + y                                             residual, with attention only

Legend: B images, C channels, H x W cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from deepmark.registry import MODELS

ChannelForm = Literal['squeeze', 'affinity']
Upsampling = Literal['deconv', 'bilinear']
Gate = Literal['sigmoid']


class SpatialAttention(nn.Module):
    """Attention matrix of the low level, made from the high one: (B, C, H, W).

    Args:
        in_channels: of the high level.
        channels: C, of the low level.
        norm_cfg: normalisation behind the up-sampled sigmoid; None has none, so that the values
            lie between 0 and 1.
    """

    def __init__(
        self, in_channels: int, channels: int, norm_cfg: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__()
        # In a container of its own: the sigmoid stands between this convolution and the norm, and
        # fuse_conv_bn merges a norm into the last convolution among its siblings.
        self.logits = nn.Sequential(nn.Conv2d(in_channels, channels, 1))
        self.norm = build_norm_layer(norm_cfg, channels)[1] if norm_cfg else nn.Identity()

    def forward(self, high: Tensor, size: Sequence[int]) -> Tensor:
        """Attention at ``size`` (H, W)."""
        attention = torch.sigmoid(self.logits(high))
        result: Tensor = self.norm(F.interpolate(attention, size=tuple(size), mode='nearest'))
        return result


class Upsample(nn.Module):
    """ReLU of a 1x1 projection at the size of the finer level.

    Args:
        in_channels: of the coarser level.
        channels: of the result.
        factor: ratio of the strides.
        form: 'deconv' is the public reading's transposed convolution of kernel 1, 'bilinear' a
            convolution and bilinear interpolation (``align_corners=False``).
    """

    def __init__(self, in_channels: int, channels: int, factor: int, form: Upsampling) -> None:
        super().__init__()
        self.project: nn.ConvTranspose2d | nn.Conv2d
        if form == 'deconv':
            self.project = nn.ConvTranspose2d(in_channels, channels, 1, stride=factor)
        else:
            self.project = nn.Conv2d(in_channels, channels, 1)

    def forward(self, high: Tensor, size: Sequence[int]) -> Tensor:
        """(B, in_channels, h, w) to (B, channels, H, W) with ``size`` (H, W)."""
        if isinstance(self.project, nn.ConvTranspose2d):
            return F.relu(self.project(high, output_size=list(size)))
        projected = self.project(high)
        return F.relu(
            F.interpolate(projected, size=tuple(size), mode='bilinear', align_corners=False)
        )


class ChannelAttention(nn.Module):
    """Emphasis of channels by what all channels and all cells say.

    Args:
        channels: C.
        squeeze_channels: width between the two 1x1 convolutions of 'squeeze'.
        form: 'squeeze' multiplies each channel by a weight computed from the means of all
            channels; 'affinity' replaces each channel by the mixture softmax(S S^T) S.
        gate: 'sigmoid' bounds the weights of 'squeeze'; None leaves them as they are.
    """

    def __init__(
        self, channels: int, squeeze_channels: int, form: ChannelForm, gate: Gate | None
    ) -> None:
        super().__init__()
        self.weights: nn.Sequential | None = None
        if form == 'squeeze':
            layers: list[nn.Module] = [
                nn.Conv2d(channels, squeeze_channels, 1),
                nn.ReLU(inplace=True),
                nn.Conv2d(squeeze_channels, channels, 1),
            ]
            self.weights = nn.Sequential(*layers, *([nn.Sigmoid()] if gate else []))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        if self.weights is None:
            return channel_affinity(features)
        weights: Tensor = self.weights(features.mean(dim=(2, 3), keepdim=True))
        return features * weights


def channel_affinity(features: Tensor) -> Tensor:
    """Mix channels by their affinity: softmax over the last axis of S S^T, times S.

    In float32, under autocast too: the products are sums over all cells.

    Args:
        features: (B, C, H, W).
    """
    with torch.autocast(features.device.type, enabled=False):
        flat = features.float().flatten(2)
        affinity = torch.softmax(flat @ flat.transpose(1, 2), dim=-1)
        mixed: Tensor = (affinity @ flat).view_as(features).to(features.dtype)
        return mixed


class DAFEStep(nn.Module):
    """One top-down step; see the formulas at the top of this module.

    Args:
        in_channels: of the high level.
        channels: C, of the low level and of the result.
        factor: ratio of the two strides.
        options: the switches of :class:`DAFENeck` that concern a step.
    """

    def __init__(self, in_channels: int, channels: int, factor: int, **options: Any) -> None:
        super().__init__()
        form, norm_cfg = options['channel_attention'], options['attention_norm_cfg']
        squeeze = options['squeeze_channels'] or max(channels // 4, 1)
        self.upsample = Upsample(in_channels, channels, factor, options['upsampling'])
        self.spatial = (
            SpatialAttention(in_channels, channels, norm_cfg)
            if options['spatial_attention']
            else None
        )
        self.channel = ChannelAttention(channels, squeeze, form, options['gate']) if form else None
        attends = self.spatial is not None or self.channel is not None
        # Without attention y is in the sum once already: plain top-down fusion.
        self.residual = bool(options['residual'] and attends)

    def forward(self, high: Tensor, low: Tensor) -> Tensor:
        """(B, in_channels, h, w) and (B, C, H, W) to (B, C, H, W)."""
        size = low.shape[-2:]
        detail = low if self.spatial is None else self.spatial(high, size) * low
        fused: Tensor = self.upsample(high, size) + detail
        if self.channel is not None:
            fused = self.channel(fused)
        return fused + low if self.residual else fused


@MODELS.register_module()
class DAFENeck(BaseModule):
    """Dual attention, top down over a pyramid; a tuple, finest level first.

    The same class serves mmdet's detectors and mmpose's estimators (scope ``deepmark``).
    mmpose's heads read the last map: there ``out_indices=(0,)``.

    Args:
        in_channels: channels of each level, finest first.
        out_channels: of every output, by a 1x1 convolution; None leaves the steps' own widths.
        strides: of the levels; each is a multiple of the one before.
        out_indices: which levels to return; (0,) is the finest one alone, (0, 1, 2, 3) stands in
            for an FPN. Of the coarsest level there is only its projection: nothing lies above it.
        width: channels of all steps, to which 1x1 convolutions bring the levels; None keeps the
            levels' own widths, as the public reading does.
        spatial_attention: guide the low level by the attention matrix of the high one.
        channel_attention: 'squeeze', 'affinity' or None.
        attention_norm_cfg: normalisation of the attention matrix, such as ``dict(type='BN')``.
        upsampling: 'deconv' or 'bilinear'.
        gate: 'sigmoid' or None, for 'squeeze'.
        squeeze_channels: inner width of 'squeeze'; None is a quarter of the step's channels.
        residual: add the low level once more behind the attention. On by default, as in the public
            reading. Steps without any attention never add it.
        init_cfg: mmengine's.

    Raises:
        ValueError: an argument that contradicts another, or an unknown name of a form.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int | None = 256,
        strides: Sequence[int] = (4, 8, 16, 32),
        out_indices: Sequence[int] = (0,),
        width: int | None = None,
        spatial_attention: bool = True,
        channel_attention: ChannelForm | None = 'squeeze',
        attention_norm_cfg: Mapping[str, Any] | None = None,
        upsampling: Upsampling = 'deconv',
        gate: Gate | None = None,
        squeeze_channels: int | None = None,
        residual: bool = True,
        init_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.in_channels, self.strides = tuple(in_channels), tuple(strides)
        self.out_indices = tuple(out_indices)
        self._check_arguments()
        _check_name('channel_attention', channel_attention, ('squeeze', 'affinity', None))
        _check_name('upsampling', upsampling, ('deconv', 'bilinear'))
        _check_name('gate', gate, ('sigmoid', None))
        finest = min(self.out_indices)
        widths = [width or channels for channels in self.in_channels]
        self.laterals = nn.ModuleDict()
        self.steps = nn.ModuleDict()
        self.outputs = nn.ModuleDict()
        for level in range(finest, len(widths)):
            if width:
                self.laterals[str(level)] = nn.Conv2d(self.in_channels[level], width, 1)
            if level + 1 < len(widths):
                self.steps[str(level)] = DAFEStep(
                    widths[level + 1],
                    widths[level],
                    self.strides[level + 1] // self.strides[level],
                    spatial_attention=spatial_attention,
                    channel_attention=channel_attention,
                    attention_norm_cfg=attention_norm_cfg,
                    upsampling=upsampling,
                    gate=gate,
                    squeeze_channels=squeeze_channels,
                    residual=residual,
                )
            if level in self.out_indices and out_channels:
                self.outputs[str(level)] = nn.Conv2d(widths[level], out_channels, 1)
        self.out_channels = tuple(out_channels or widths[level] for level in self.out_indices)

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """(B, in_channels[i], H_i, W_i) for each level to (B, out_channels, H_i, W_i) for some.

        Raises:
            ValueError: levels of other widths than ``in_channels``, or of sizes that are not
                ``strides`` apart (a level has ceil(size of the finer one / ratio) cells).
        """
        self._check_pyramid(features)
        coarsest = len(features) - 1
        fused: dict[int, Tensor] = {}
        for level in range(coarsest, min(self.out_indices) - 1, -1):
            here = features[level]
            if str(level) in self.laterals:
                here = self.laterals[str(level)](here)
            above = fused.get(level + 1)
            fused[level] = here if above is None else self.steps[str(level)](above, here)
        return tuple(self._output(level, fused[level]) for level in self.out_indices)

    def _output(self, level: int, features: Tensor) -> Tensor:
        if str(level) not in self.outputs:
            return features
        result: Tensor = self.outputs[str(level)](features)
        return result

    def _check_arguments(self) -> None:
        levels = len(self.in_channels)
        if levels < 2 or len(self.strides) != levels:
            raise ValueError(
                f'DAFENeck needs two levels or more and as many strides: '
                f'in_channels={self.in_channels}, strides={self.strides}'
            )
        if any(coarse <= fine or coarse % fine for fine, coarse in pairwise(self.strides)):
            raise ValueError(
                f'DAFENeck: strides={self.strides} must grow, each a multiple of the one before'
            )
        if not self.out_indices or not all(0 <= i < levels for i in self.out_indices):
            raise ValueError(
                f'DAFENeck: out_indices={self.out_indices} must name levels 0 .. {levels - 1}'
            )

    def _check_pyramid(self, features: Sequence[Tensor]) -> None:
        channels = tuple(feature.shape[1] for feature in features)
        if channels != self.in_channels:
            raise ValueError(
                f'DAFENeck(in_channels={self.in_channels}) was given levels with {channels} '
                "channels: in_channels and the backbone's out_indices must agree"
            )
        sizes = [tuple(feature.shape[-2:]) for feature in features]
        for level, (fine, coarse) in enumerate(pairwise(sizes)):
            ratio = self.strides[level + 1] // self.strides[level]
            if coarse != tuple(-(-cells // ratio) for cells in fine):
                raise ValueError(
                    f'DAFENeck(strides={self.strides}): level {level + 1} has {coarse} cells, '
                    f'level {level} {fine}, not {ratio} times as many. Fix: strides= as the '
                    "backbone's levels have them (its out_indices)"
                )


def _check_name(argument: str, value: object, known: Sequence[object]) -> None:
    if value not in known:
        raise ValueError(f'DAFENeck: {argument}={value!r}, must be one of {list(known)}')
