# SPDX-License-Identifier: Apache-2.0
"""Parameters and floating-point operations of a model.

One operation is one addition or one multiplication, so a multiply-add counts twice
(``mmengine.analysis`` counts it once). Convolutions, deformable ones among them, and matrix
products are counted; norms, activations, up-sampling and the bilinear reading of a deformable
convolution are not. torch's own counter runs on fake tensors, which have a shape and no memory:
Hourglass-104 at 512 x 512 takes less than a second.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import torch
import torchvision
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from deepmark.engine.errors import RunError
from deepmark.registry import MODELS

assert torchvision.__version__  # its import registers torch.ops.torchvision


class Complexity(NamedTuple):
    """What one image costs.

    Attributes:
        parameters: Numbers that training may change, frozen ones included.
        flops: Operations of one forward pass, a multiply-add counted twice.
        input_size_wh: Of the image, pixels.
    """

    parameters: int
    flops: int
    input_size_wh: tuple[int, int]


def model_complexity(cfg_model: Mapping[str, Any], input_size_wh: tuple[int, int]) -> Complexity:
    """Count for one image, with every map of every stack, dense, as the original computes them.

    Our own prediction does less: it leaves out the first stack's heads and reads four branches at
    single cells.

    Args:
        cfg_model: Config of a detector that has mmdet's ``mode='tensor'`` without data samples (all
            one-stage detectors). Names without a scope are looked up in the default scope.
        input_size_wh: Pixels, as the backbone gets them.
    """
    width, height = input_size_wh
    counter = FlopCounterMode(
        display=False, custom_mapping={torch.ops.torchvision.deform_conv2d: deform_conv_flops}
    )
    with FakeTensorMode(), torch.no_grad():
        model = MODELS.build(copy.deepcopy(cfg_model)).eval()
        image = torch.empty(1, 3, height, width)
        with counter:
            model(image, None, mode='tensor')
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Complexity(parameters, counter.get_total_flops(), (width, height))


def config_complexity(cfg: Config, input_size_wh: tuple[int, int] | None = None) -> Complexity:
    """Count for a whole config, at the input size of its test pipeline unless another is given.

    Raises:
        RunError: The config has no model, or no fixed input size.
    """
    if cfg.get('model') is None:
        raise RunError(f'{cfg.filename}: the config has no model')
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    return model_complexity(cfg.model, input_size_wh or input_size_of(cfg))


def input_size_of(cfg: Config) -> tuple[int, int]:
    """Find ``input_size`` (w, h) in the test pipeline, else in the training pipeline.

    Raises:
        RunError: Neither has a transform with it.
    """
    for loader in ('test_dataloader', 'train_dataloader'):
        for size in _input_sizes(cfg.get(loader)):
            width, height = size
            return int(width), int(height)
    raise RunError(
        f'{cfg.filename}: no transform of the pipelines has an input_size; give --shape W H'
    )


def deform_conv_flops(
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    *offset_mask_and_bias: Any,
    out_shape: Sequence[int],
    **settings: Any,
) -> int:
    """Count 2 B P Q C_out (C_in / groups) R S, as for a plain convolution.

    Args:
        input_shape: (B, C_in, H, W).
        weight_shape: (C_out, C_in / groups, R, S).
        out_shape: (B, C_out, P, Q).

    Example:
        >>> deform_conv_flops((1, 8, 5, 5), (4, 8, 3, 3), out_shape=(1, 4, 5, 5))
        14400
    """
    output_cells = out_shape[0] * out_shape[2] * out_shape[3]
    return 2 * output_cells * prod(weight_shape)


def _input_sizes(node: Any) -> Iterator[Any]:
    if isinstance(node, Mapping):
        if node.get('input_size'):
            yield node['input_size']
        for value in node.values():
            yield from _input_sizes(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _input_sizes(value)
