# SPDX-License-Identifier: Apache-2.0
"""Parameters and operations of any detector of mmdet and any pose estimator of mmpose.

Counted as in ``deepmark.analysis.complexity``: one forward pass of one image with every map dense,
a multiply-add twice; neither decoding nor a second pass for a flip test. Networks whose shapes do
not depend on what they see run on fake tensors. Two-stage detectors do not: they run on the CPU on
a noise image, and the operations on the proposals that it gives are included.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
import torchvision
from mmengine.config import Config
from mmengine.model import initialize
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from deepmark.analysis.complexity import deform_conv_flops, input_size_of, model_complexity
from deepmark.comparison.kinds import model_class, scope_of
from deepmark.comparison.prepared_images import full_size_of, photo_batch, preprocessed
from deepmark.engine.errors import RunError
from deepmark.models.detectors import DeepMark
from deepmark.registry import MODELS
from deepmark_standins.finder import is_stand_in

# mmdet's and mmpose's base classes of which it is known
_STATIC = ('SingleStageDetector', 'DetectionTransformer', 'BasePoseEstimator')

assert torchvision.__version__  # its import registers torch.ops.torchvision


class Counted(NamedTuple):
    """What one test image costs.

    Attributes:
        parameters: Numbers that training may change, frozen ones included.
        flops: Operations of one forward pass, a multiply-add counted twice; None when they cannot
            be counted.
        input_size_wh: Of the network's input, pixels; None when it is not known.
        note: What the count includes or leaves out, or why there is none.
    """

    parameters: int
    flops: int | None
    input_size_wh: tuple[int, int] | None
    note: str | None


def count(cfg: Config) -> Counted:
    """Count for one image at the input size of the config's test pipeline.

    Raises:
        RunError: The config has no model, or one that cannot be built.
    """
    if cfg.get('model') is None:
        raise RunError(f'{cfg.filename}: the config has no model')
    with scope_of(cfg):
        model = model_class(cfg)
        if model is not None and issubclass(model, DeepMark):
            found = model_complexity(cfg.model, input_size_of(cfg))
            return Counted(*found, _joined(_left_out(cfg)))
        return _count_any(cfg, model)


def _count_any(cfg: Config, model_type: type[Any] | None) -> Counted:
    try:
        batch = preprocessed(cfg, photo_batch(cfg, full_size_of(cfg)))
        height, width = batch['inputs'].shape[-2:]
        notes = _other_shapes(cfg, (width, height))
    except Exception as error:  # noqa: BLE001 - whatever a pipeline fails with is a note
        return Counted(_size(_build(cfg)), None, None, _not_counted(error))
    # Only what describes the image: real boxes do not mix with fake tensors.
    samples = [type(one)(metainfo=one.metainfo) for one in batch['data_samples']]
    for forward in (_fake_forward, _real_forward) if _is_static(model_type) else (_real_forward,):
        model = _build(cfg)
        try:
            flops, proposals = forward(model, batch['inputs'], copy.deepcopy(samples))
        except Exception as error:  # noqa: BLE001 - whatever a model fails with is a note
            failure = error
        else:
            notes = [*proposals, *notes, *_left_out(cfg)]
            return Counted(_size(model), flops, (width, height), _joined(notes))
    return Counted(_size(model), None, (width, height), _not_counted(failure))


def _is_static(model_type: type[Any] | None) -> bool:
    """Whether no shape depends on what the network sees.

    Others are kept from fake tensors: compiled code that reads their values would read memory that
    is not there.
    """
    bases = model_type.__mro__ if model_type is not None else ()
    return not {base.__name__ for base in bases}.isdisjoint(_STATIC)


def _build(cfg: Config) -> nn.Module:
    """The model with random weights, the same ones each time.

    Raises:
        RunError: It cannot be built.
    """
    try:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            model: nn.Module = MODELS.build(copy.deepcopy(cfg.model)).eval()
    except Exception as error:  # constructors of the hosts raise anything
        raise RunError(f'{cfg.filename}: the model cannot be built: {error}') from error
    return model


def _fake_forward(model: nn.Module, image: Tensor, samples: list[Any]) -> tuple[int, list[str]]:
    """Operations without computing anything."""
    # Weights are real: those of some detectors are copied while they are built, fakes cannot be.
    with FakeTensorMode(allow_non_fake_inputs=True):
        return _forward_flops(model, torch.empty(image.shape), samples), []


def _real_forward(model: nn.Module, image: Tensor, samples: list[Any]) -> tuple[int, list[str]]:
    """Operations and notes of a computation on the CPU."""
    rpn: Any = getattr(model, 'rpn_head', None)
    if rpn is not None and rpn.init_cfg:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            initialize(rpn, rpn.init_cfg)  # as training starts: proposals close to the anchors
    with _proposals_of(rpn) as proposals:
        flops = _forward_flops(model, image, samples)
    notes = [f'work on {number} proposals of a noise image included' for number in proposals]
    if getattr(getattr(model, 'roi_head', None), 'with_mask', False):
        notes.append('the mask head works on the first 100 of them')
    return flops, notes


def _forward_flops(model: nn.Module, image: Tensor, data_samples: list[Any]) -> int:
    counter = FlopCounterMode(
        display=False, custom_mapping={torch.ops.torchvision.deform_conv2d: deform_conv_flops}
    )
    with torch.no_grad(), counter:
        model(image, data_samples, mode='tensor')
    return int(counter.get_total_flops())


@contextmanager
def _proposals_of(rpn: Any) -> Iterator[list[int]]:
    """Note how many proposals a first stage gives while this is open; none without one."""
    numbers: list[int] = []
    if rpn is None:
        yield numbers
        return
    predict = rpn.predict

    def counted(*args: Any, **kwargs: Any) -> Any:
        found = predict(*args, **kwargs)
        numbers.extend(len(proposals) for proposals in found)
        return found

    rpn.predict = counted
    try:
        yield numbers
    finally:
        del rpn.predict


def _size(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _other_shapes(cfg: Config, size_wh: tuple[int, int]) -> list[str]:
    """Say so when a photo of another shape would be a smaller input."""
    width, height = full_size_of(cfg)
    other = preprocessed(cfg, photo_batch(cfg, (width, max(1, height // 2))))
    if other['inputs'].shape[:1:-1] == size_wh:
        return []
    return [f'at the full input, {size_wh[0]} x {size_wh[1]}; other shapes of photos need less']


def _left_out(cfg: Config) -> list[str]:
    """What the forward pass of the count lacks."""
    notes = []
    test_cfg = cfg.model.get('test_cfg') or {}
    if test_cfg.get('flip_test') or test_cfg.get('flip'):
        notes.append('one pass counted, the flip test needs a second one')
    if _has_several_scales(cfg):
        notes.append('one scale counted, the test has several')
    if 'DCN' in str(cfg.model) and _has_compiled_ops():
        notes.append("deformable convolutions of mmcv's compiled operators are not counted")
    return notes


def _has_several_scales(cfg: Config) -> bool:
    """Whether the test takes each image at several sizes."""
    dataset: Any = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    steps = dataset.get('pipeline') or ()
    return any(str(step.get('type')).endswith('MultiScaleWarp') for step in steps)


def _has_compiled_ops() -> bool:
    import mmcv._ext

    return not is_stand_in(mmcv._ext)


def _joined(notes: list[str]) -> str | None:
    return '; '.join(notes) or None


def _not_counted(error: Exception) -> str:
    reason = (str(error).strip().splitlines() or [''])[0]
    return f'operations not counted: {type(error).__name__}: {reason}'
