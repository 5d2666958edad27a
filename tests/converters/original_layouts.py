# SPDX-License-Identifier: Apache-2.0
"""Names and shapes of the weights of the original networks, written down from their structure.

No weights: a test makes zeros or random numbers of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch

Shape = tuple[int, ...]
Named = Iterator[tuple[str, Shape]]

DEEPMARK_HEADS = {'hm': 13, 'wh': 2, 'hps': 588, 'reg': 2, 'hm_hp': 294, 'hp_offset': 2}
COCO_DETECTION = {'hm': 80, 'wh': 2, 'reg': 2}
COCO_MULTI_POSE = {'hm': 1, 'wh': 2, 'hps': 34, 'reg': 2, 'hm_hp': 17, 'hp_offset': 2}
NARROW = (4, 4, 6, 6, 6, 8)
BLOCKS = (2, 2, 2, 2, 2, 4)
DLA34_LEVELS = (1, 1, 1, 2, 2, 1)
DLA34_CHANNELS = (16, 32, 64, 128, 256, 512)


def random_weights(shapes: Mapping[str, Shape]) -> dict[str, torch.Tensor]:
    return {key: torch.rand(shape) if shape else torch.tensor(7) for key, shape in shapes.items()}


def hourglass(
    heads: Mapping[str, int],
    channels: Sequence[int] = NARROW,
    blocks: Sequence[int] = BLOCKS,
    stacks: int = 2,
) -> dict[str, Shape]:
    """CenterNet's Hourglass; its two stacks of real width are Hourglass-104."""

    def weights() -> Named:
        width = channels[0]
        yield from _conv('pre.0.conv', width // 2, 3, 7)
        yield from _norm('pre.0.bn', width // 2)
        yield from _residual('pre.1', width // 2, width, stride=2)
        for stack in range(stacks):
            yield from _hourglass_module(f'kps.{stack}', channels, blocks)
            yield from _conv(f'cnvs.{stack}.conv', width, width, 3)
            yield from _norm(f'cnvs.{stack}.bn', width)
            for head, count in heads.items():
                yield from _conv(f'{head}.{stack}.0.conv', width, width, 3, bias=True)
                yield from _conv(f'{head}.{stack}.1', count, width, 1, bias=True)
        for stack in range(stacks - 1):
            yield from _residual(f'inters.{stack}', width, width, stride=1)
            for name in ('inters_', 'cnvs_'):
                yield from _conv(f'{name}.{stack}.0', width, width, 1)
                yield from _norm(f'{name}.{stack}.1', width)

    return dict(weights())


def dla(
    heads: Mapping[str, int],
    levels: Sequence[int] = DLA34_LEVELS,
    channels: Sequence[int] = (4, 4, 4, 6, 6, 8),
    head_channels: int = 10,
) -> dict[str, Shape]:
    """CenterNet's DLA with deformable up-sampling."""

    def weights() -> Named:
        for key, shape in imagenet_dla(levels, channels).items():
            yield f'base.{key}', shape
        pyramid = list(channels[2:])
        inputs = list(pyramid)
        for step in range(len(pyramid) - 1):
            finest = len(pyramid) - 2 - step
            width = pyramid[finest]
            yield from _join(f'dla_up.ida_{step}', width, inputs[finest + 1 :], [2] * (step + 1))
            inputs[finest + 1 :] = [width] * (step + 1)
        factors = [2**n for n in range(1, len(pyramid) - 1)]
        yield from _join('ida_up', pyramid[0], pyramid[1:-1], factors)
        for head, count in heads.items():
            yield from _conv(f'{head}.0', head_channels, pyramid[0], 3, bias=True)
            yield from _conv(f'{head}.2', count, head_channels, 1, bias=True)

    return dict(weights())


def imagenet_dla(
    levels: Sequence[int] = DLA34_LEVELS, channels: Sequence[int] = (4, 4, 4, 6, 6, 8)
) -> dict[str, Shape]:
    """The classifier as its authors published it, and as timm has it (less unused projections)."""

    def weights() -> Named:
        before = channels[0]
        yield from _conv('base_layer.0', before, 3, 7)
        yield from _norm('base_layer.1', before)
        for level, (depth, width) in enumerate(zip(levels, channels, strict=True)):
            name = f'level{level}'
            if level < 2:
                for n in range(depth):
                    yield from _conv(f'{name}.{3 * n}', width, width if n else before, 3)
                    yield from _norm(f'{name}.{3 * n + 1}', width)
            else:
                inherited = before if level > 2 else 0
                yield from _tree(name, depth, before, width, 2 * width + inherited)
            before = width
        yield from _conv('fc', 1000, before, 1, bias=True)

    return dict(weights())


def _hourglass_module(name: str, channels: Sequence[int], blocks: Sequence[int]) -> Named:
    outer, inner = channels[:2]
    for n in range(blocks[0]):
        last = n == blocks[0] - 1
        yield from _residual(f'{name}.up1.{n}', outer, outer, stride=1)
        yield from _residual(f'{name}.low1.{n}', inner if n else outer, inner, 1 if n else 2)
        yield from _residual(f'{name}.low3.{n}', inner, outer if last else inner, stride=1)
    if len(channels) > 2:
        yield from _hourglass_module(f'{name}.low2', channels[1:], blocks[1:])
    else:
        for n in range(blocks[1]):
            yield from _residual(f'{name}.low2.{n}', inner, inner, stride=1)


def _residual(name: str, before: int, width: int, stride: int) -> Named:
    yield from _block(name, before, width)
    if stride != 1 or before != width:
        yield from _conv(f'{name}.skip.0', width, before, 1)
        yield from _norm(f'{name}.skip.1', width)


def _tree(name: str, depth: int, before: int, width: int, root: int) -> Named:
    if depth == 1:
        yield from _block(f'{name}.tree1', before, width)
        yield from _block(f'{name}.tree2', width, width)
        yield from _conv(f'{name}.root.conv', width, root, 1)
        yield from _norm(f'{name}.root.bn', width)
    else:
        yield from _tree(f'{name}.tree1', depth - 1, before, width, 2 * width)
        yield from _tree(f'{name}.tree2', depth - 1, width, width, root + width)
    if before != width:
        yield from _conv(f'{name}.project.0', width, before, 1)
        yield from _norm(f'{name}.project.1', width)


def _join(name: str, width: int, inputs: Sequence[int], factors: Sequence[int]) -> Named:
    for n, (before, factor) in enumerate(zip(inputs, factors, strict=True), start=1):
        yield from _deformable(f'{name}.proj_{n}', before, width)
        yield f'{name}.up_{n}.weight', (width, 1, 2 * factor, 2 * factor)
        yield from _deformable(f'{name}.node_{n}', width, width)


def _deformable(name: str, before: int, width: int) -> Named:
    yield from _norm(f'{name}.actf.0', width)
    yield from _conv(f'{name}.conv', width, before, 3, bias=True)
    yield from _conv(f'{name}.conv.conv_offset_mask', 27, before, 3, bias=True)


def _block(name: str, before: int, width: int) -> Named:
    yield from _conv(f'{name}.conv1', width, before, 3)
    yield from _norm(f'{name}.bn1', width)
    yield from _conv(f'{name}.conv2', width, width, 3)
    yield from _norm(f'{name}.bn2', width)


def _conv(name: str, width: int, before: int, size: int, bias: bool = False) -> Named:
    yield f'{name}.weight', (width, before, size, size)
    if bias:
        yield f'{name}.bias', (width,)


def _norm(name: str, width: int) -> Named:
    for parameter in ('weight', 'bias', 'running_mean', 'running_var'):
        yield f'{name}.{parameter}', (width,)
    yield f'{name}.num_batches_tracked', ()
