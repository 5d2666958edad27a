# SPDX-License-Identifier: Apache-2.0
"""What necks cost on the same pyramid: parameters, operations, time.

The necks are DAFE with its options and, beside it, mmdet's FPN, DLA's up-sampling and
:class:`~deepmark.models.necks.TopDownFusion`. All get the same random maps of one image and give
as many channels; only those that say "all levels" compute more than the finest one. Operations
are counted as in :mod:`deepmark.analysis.complexity`: a multiply-add is two.

Times are wall-clock times on the CPU, with torch's number of threads. The necks take turns, so
that a slow moment of the machine strikes all of them; the median of the turns is taken.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from deepmark.analysis.complexity import deform_conv_flops
from deepmark.analysis.family import Cells
from deepmark.engine.errors import RunError
from deepmark.registry import MODELS

STRIDES = (4, 8, 16, 32)


class PyramidWidths(NamedTuple):
    """A backbone's levels and the channels that a head takes.

    Attributes:
        in_channels: Of the levels of strides 4, 8, 16, 32.
        out_channels: Of every neck's outputs.
    """

    in_channels: tuple[int, ...]
    out_channels: int


PYRAMIDS = {
    'r50': PyramidWidths((256, 512, 1024, 2048), 256),
    'dla34': PyramidWidths((64, 128, 256, 512), 64),
}


class Times(NamedTuple):
    """Milliseconds.

    Attributes:
        median: Of the turns.
        lowest: Of the turns.
        highest: Of the turns.
    """

    median: float
    lowest: float
    highest: float


class NeckCost(NamedTuple):
    """What one neck costs for one image.

    Attributes:
        name: Which neck, with which options.
        parameters: Numbers that training changes.
        flops: Of a forward pass.
        forward: Prediction: evaluation mode, no gradients; None when it was not timed.
        forward_backward: Training: gradients of all parameters and maps; None likewise.
    """

    name: str
    parameters: int
    flops: int
    forward: Times | None
    forward_backward: Times | None


def neck_configs(widths: PyramidWidths) -> dict[str, dict[str, Any]]:
    """Configs of the necks that are compared, by what they are called."""
    channels, out = list(widths.in_channels), widths.out_channels
    dafe = dict(type='deepmark.DAFENeck', in_channels=channels, out_channels=out)
    changes: dict[str, dict[str, Any]] = {
        'DAFE': {},
        'DAFE, spatial only': dict(channel_attention=None),
        'DAFE, channel only': dict(spatial_attention=False),
        'DAFE, no attention': dict(spatial_attention=False, channel_attention=None),
        'DAFE, channel affinity': dict(channel_attention='affinity'),
        'DAFE, sigmoid gate': dict(gate='sigmoid'),
        'DAFE, attention norm': dict(attention_norm_cfg=dict(type='BN')),
        'DAFE, no residual': dict(residual=False),
        'DAFE, bilinear': dict(upsampling='bilinear'),
        f'DAFE, width {out}': dict(width=out),
        'DAFE, all levels': dict(out_indices=(0, 1, 2, 3)),
    }
    levels = len(channels)
    fpn = dict(type='mmdet.FPN', in_channels=channels, out_channels=out, num_outs=levels)
    fusion = dict(type='deepmark.TopDownFusion', in_channels=channels, out_channels=out)
    dla_up = dict(type='deepmark.DLAUp', in_channels=channels)
    return {
        'FPN, all levels': fpn,
        'TopDownFusion': fusion,
        'DLAUp': dla_up,
        'DLAUp, plain convolutions': {**dla_up, 'dcn': False},
        **{name: {**dafe, **change} for name, change in changes.items()},
    }


def measure_necks(
    configs: Mapping[str, Mapping[str, Any]],
    in_channels: Sequence[int],
    size: int = 512,
    repeats: int = 5,
    max_gflops: float = 100.0,
) -> list[NeckCost]:
    """Count and time necks.

    Args:
        configs: Of the necks, by name.
        in_channels: Of the levels of strides 4, 8, 16, 32.
        size: Side of the square image in pixels, a multiple of 32 (DLAUp doubles exactly), 64 or
            more (norms need two cells in training).
        repeats: Turns of every neck, after one that is not counted.
        max_gflops: Necks with more operations are not timed: DLAUp with ResNet-50's widths takes
            minutes for a step on a CPU.

    Raises:
        RunError: ``size`` or ``repeats`` is out of range.
    """
    _check_range(size, repeats)
    torch.manual_seed(0)
    features = make_pyramid(in_channels, size)
    flops = {name: neck_flops(cfg, in_channels, size) for name, cfg in configs.items()}
    necks = {name: MODELS.build(dict(cfg)) for name, cfg in configs.items()}
    timed = {name: necks[name] for name in necks if flops[name] <= max_gflops * 1e9}
    forward = _interleaved({n: _forward(neck, features) for n, neck in timed.items()}, repeats)
    training = _interleaved(
        {n: _forward_backward(neck, features) for n, neck in timed.items()}, repeats
    )
    return [
        NeckCost(
            name,
            sum(parameter.numel() for parameter in neck.parameters()),
            flops[name],
            forward.get(name),
            training.get(name),
        )
        for name, neck in necks.items()
    ]


def make_pyramid(in_channels: Sequence[int], size: int) -> tuple[Tensor, ...]:
    """Random maps (1, C_i, H_i, W_i), stride 4 first."""
    return tuple(
        torch.randn(1, channels, size // stride, size // stride)
        for channels, stride in zip(in_channels, STRIDES, strict=True)
    )


def neck_flops(cfg: Mapping[str, Any], in_channels: Sequence[int], size: int) -> int:
    """Operations of a forward pass over one image; nothing is computed."""
    counter = FlopCounterMode(
        display=False, custom_mapping={torch.ops.torchvision.deform_conv2d: deform_conv_flops}
    )
    with FakeTensorMode(), torch.no_grad():
        neck = MODELS.build(dict(cfg)).eval()
        features = make_pyramid(in_channels, size)
        with counter:
            neck(features)
    return int(counter.get_total_flops())


def cost_rows(costs: Sequence[NeckCost]) -> list[Cells]:
    """The table's rows, column name -> text."""
    return [
        {
            'neck': cost.name,
            'parameters (M)': f'{cost.parameters / 1e6:.2f}',
            'GFLOPs': f'{cost.flops / 1e9:.2f}',
            'forward (ms)': _time_text(cost.forward),
            'forward + backward (ms)': _time_text(cost.forward_backward),
        }
        for cost in costs
    ]


def cost_record(costs: Sequence[NeckCost], **conditions: Any) -> dict[str, Any]:
    """All figures with the conditions that they hold for, to be written as JSON."""
    return {
        **conditions,
        'threads': torch.get_num_threads(),
        'torch': torch.__version__,
        'necks': [
            {
                key: value._asdict() if isinstance(value, Times) else value
                for key, value in cost._asdict().items()
            }
            for cost in costs
        ],
    }


def _time_text(times: Times | None) -> str:
    if times is None:
        return '-'
    return f'{times.median:.0f} ({times.lowest:.0f} .. {times.highest:.0f})'


def _forward(neck: nn.Module, features: tuple[Tensor, ...]) -> Callable[[], None]:
    def run() -> None:
        neck.eval()
        with torch.no_grad():
            neck(features)

    return run


def _forward_backward(neck: nn.Module, features: tuple[Tensor, ...]) -> Callable[[], None]:
    """As in training, where the backbone below wants gradients, too."""

    def run() -> None:
        neck.train().zero_grad(set_to_none=True)
        leaves = [level.detach().requires_grad_() for level in features]
        torch.stack([level.sum() for level in neck(leaves)]).sum().backward()

    return run


def _interleaved(runs: Mapping[str, Callable[[], None]], repeats: int) -> dict[str, Times]:
    milliseconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            elapsed = time.perf_counter() - start
            if turn:  # the first one allocates
                milliseconds[name].append(1e3 * elapsed)
    return {
        name: Times(statistics.median(found), min(found), max(found))
        for name, found in milliseconds.items()
    }


def _check_range(size: int, repeats: int) -> None:
    coarsest = STRIDES[-1]
    if size < 2 * coarsest or size % coarsest:
        raise RunError(
            f'--size {size}: must be a multiple of {coarsest}, from {2 * coarsest} on, so that '
            'every level has more than one cell'
        )
    if repeats < 1:
        raise RunError(f'--repeats {repeats}: must be 1 or more')
