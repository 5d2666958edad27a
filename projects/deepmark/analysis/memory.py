# SPDX-License-Identifier: Apache-2.0
"""Peak memory of one training step, measured on drawn data.

On CUDA it is what torch allocates (``torch.cuda.max_memory_allocated``); the caching allocator and
the CUDA context take more. On the CPU it is the resident set of the process, read from Linux' own
high-water mark (VmHWM in /proc/self/status, what ``ru_maxrss`` would be without the parent's);
buffers of the convolution library are part of it.

A first step on two images of half the size allocates what stays: the optimizer's state. What the
measured step adds on top are activations and gradients. Images add up: measure two batch sizes,
each in a process of its own; the difference is what an image needs.
"""

from __future__ import annotations

import copy
import ctypes
import gc
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing
from mmengine.structures import InstanceData

from deepmark.analysis.complexity import input_size_of
from deepmark.engine.errors import RunError
from deepmark.registry import MODELS
from deepmark.schema import LandmarkSchema

STATUS = Path('/proc/self/status')
RESET_PEAK = Path('/proc/self/clear_refs')
GARMENTS = 2  # an image; DeepFashion2 has 1.6 on average


class MemoryUse(NamedTuple):
    """Memory of a training step.

    Attributes:
        meter: What was read.
        before: Bytes before the step: weights, optimizer state and, on the CPU, the interpreter.
        peak: The most bytes during the step.
    """

    meter: str
    before: int
    peak: int


def measure_training_step(
    cfg: Config, batch_size: int = 1, input_size_wh: tuple[int, int] | None = None
) -> MemoryUse:
    """Train one step with the config's model, optimizer and ``activation_checkpointing``.

    Args:
        cfg: A config of a DeepMark model; its precision is that of its ``optim_wrapper``.
        batch_size: Images of the measured step.
        input_size_wh: Pixels; the pipeline's when None.

    Raises:
        RunError: Neither CUDA nor Linux, or the config has no fixed input size.
    """
    device = get_device()
    if device != 'cuda' and not STATUS.exists():
        raise RunError(f'peak memory is read on CUDA or Linux; this is neither (device {device})')
    width, height = input_size_wh or input_size_of(cfg)
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    model = MODELS.build(copy.deepcopy(cfg.model)).to(device).train()
    if cfg.get('activation_checkpointing'):
        turn_on_activation_checkpointing(model, cfg.activation_checkpointing)
    optim_wrapper = build_optim_wrapper(model, copy.deepcopy(cfg.optim_wrapper))
    schema = model.bbox_head.schema
    # Two: a batch norm on a map of one cell needs a second value.
    model.train_step(drawn_batch(schema, 2, (width // 2, height // 2)), optim_wrapper)
    batch = drawn_batch(schema, batch_size, (width, height))
    measure = _measure_cuda if device == 'cuda' else _measure_resident_set
    return measure(lambda: model.train_step(batch, optim_wrapper))


def drawn_batch(
    schema: LandmarkSchema, batch_size: int, size_wh: tuple[int, int]
) -> dict[str, list[Any]]:
    """Make images of noise with garments in them, as a data loader hands them out.

    Args:
        schema: Whose categories and landmarks; the categories take turns.
        batch_size: Images.
        size_wh: Their size, pixels.

    Returns:
        ``inputs`` B times (3, H, W) uint8, ``data_samples`` B times with ``gt_instances``.
    """
    width, height = size_wh
    image_size = torch.tensor([width, height])
    samples = []
    for index in range(batch_size):
        labels = torch.arange(GARMENTS) + GARMENTS * index
        sample = DetDataSample(metainfo={'img_shape': (height, width)})
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor([[0.1, 0.1, 0.9, 0.8]]).repeat(GARMENTS, 1) * image_size.repeat(2),
            labels=labels % schema.num_categories,
            keypoints=torch.rand(GARMENTS, schema.max_keypoints, 2) * image_size,
            keypoints_visible=torch.full((GARMENTS, schema.max_keypoints), 2),
        )
        samples.append(sample)
    images = torch.randint(0, 256, (batch_size, 3, height, width), dtype=torch.uint8)
    return {'inputs': list(images), 'data_samples': samples}


def _measure_cuda(step: Callable[[], object]) -> MemoryUse:
    gc.collect()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step()
    torch.cuda.synchronize()
    return MemoryUse('allocated by torch', before, torch.cuda.max_memory_allocated())


def _measure_resident_set(step: Callable[[], object]) -> MemoryUse:
    gc.collect()
    _return_freed_memory()
    RESET_PEAK.write_text('5')  # see proc(5): resets the high-water mark
    before = _status_bytes('VmRSS')
    step()
    return MemoryUse('resident set', before, _status_bytes('VmHWM'))


def _status_bytes(key: str) -> int:
    found = re.search(rf'^{key}:\s+(\d+) kB$', STATUS.read_text(), re.MULTILINE)
    if found is None:
        raise RunError(f'{STATUS} has no {key}; peak memory cannot be read here')
    return int(found.group(1)) * 1024


def _return_freed_memory() -> None:
    """Give freed blocks back to the system, so that the step cannot reuse them unseen (glibc)."""
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
    if trim is not None:
        trim(0)
