# SPDX-License-Identifier: Apache-2.0
"""Time of a prediction, several models in turn.

All models are loaded at once, and in each round every model predicts all its images before the
next round starts with another model: what else the machine does meets all of them alike. Measured
is ``model.test_step`` with one image, from the tensor that the test pipeline made (in main memory)
to boxes and landmarks: normalisation, network and decoding. Loading and warping photos is not, nor
is the copy of the results to the CPU. A top-down model's image is one garment's crop.
"""

from __future__ import annotations

import copy
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.device import get_device
from torch import nn

from deepmark.comparison.kinds import kind_of, scope_of
from deepmark.comparison.prepared_images import Batch, prepare_images, preprocessed
from deepmark.comparison.results import Timing
from deepmark.engine.checkpoint_match import load_weights
from deepmark.registry import MODELS

LONGEST_ERROR = 160  # characters; a host puts whole samples into its message
WARM_UP = 2

Predict = Callable[[int], float]  # index of the image -> seconds


class TimedModel(NamedTuple):
    """A model to time.

    Attributes:
        name: Unique among the models.
        cfg: Its config; the test pipeline and ``model.test_cfg`` are as they are there.
        checkpoint: Weights, or None for random ones.
    """

    name: str
    cfg: Config
    checkpoint: str | Path | None


class TimingOutcome(NamedTuple):
    """What came of a timing; every model is in exactly one of the first two.

    Attributes:
        timings: By name of the model.
        errors: By name of the model that failed, in one line.
        notes: By name of the model what a reader must know of its timing, where there is something.
    """

    timings: dict[str, Timing]
    errors: dict[str, str]
    notes: dict[str, str]


class _Loaded(NamedTuple):
    predict: Predict
    input_size_wh: tuple[int, int]
    notes: list[str]


def time_models(
    models: Sequence[TimedModel], rounds: int = 5, images: int = 20, device: str | None = None
) -> TimingOutcome:
    """Time the prediction of single images.

    A model that cannot be loaded, or fails in a round, becomes an error; the others go on. The
    number of threads is left as it is.

    Args:
        models: To take turns, each round beginning with another one.
        rounds: Of which the median counts.
        images: A round and model, of the model's own test set.
        device: Such as 'cpu' or 'cuda:0'; None takes a GPU when there is one.

    Raises:
        ValueError: Two models have the same name, or rounds or images is below 1.
    """
    names = [model.name for model in models]
    if len(set(names)) < len(names) or min(rounds, images) < 1:
        raise ValueError(f'need different names and at least 1 round and image, got {names}')
    loaded: dict[str, _Loaded] = {}
    errors: dict[str, str] = {}
    for model in models:
        try:
            loaded[model.name] = _load(model, images, device or get_device())
        except Exception as error:  # noqa: BLE001 - one model's failure must not end the others
            errors[model.name] = _in_one_line(error)
    turns = take_turns({name: one.predict for name, one in loaded.items()}, rounds, images)
    errors.update(turns.errors)
    timings = {
        name: Timing(median(times), min(times), max(times), rounds, images, one.input_size_wh)
        for name, one in loaded.items()
        if (times := turns.milliseconds.get(name))
    }
    notes = {name: '; '.join(one.notes) for name, one in loaded.items() if one.notes}
    return TimingOutcome(timings, errors, notes)


class Turns(NamedTuple):
    """Milliseconds an image of every round, and the errors of models that failed, by name."""

    milliseconds: dict[str, list[float]]
    errors: dict[str, str]


def take_turns(predictions: Mapping[str, Predict], rounds: int, images: int) -> Turns:
    """Let all models predict all images in each round, beginning one model later each time.

    Args:
        predictions: By name: predicts the image of an index and returns the seconds that it took.
        rounds: After :data:`WARM_UP` predictions of each model that do not count.
        images: A round.
    """
    times: dict[str, list[float]] = {name: [] for name in predictions}
    errors: dict[str, str] = {}
    names = list(predictions)
    turns = [(name, False) for name in names]  # the warm-up
    for number in range(rounds):
        first = number % len(names) if names else 0
        turns += [(name, True) for name in names[first:] + names[:first]]
    for name, counts in turns:
        if name in errors:
            continue
        indices = range(images) if counts else [index % images for index in range(WARM_UP)]
        try:
            seconds = sum(predictions[name](index) for index in indices)
        except Exception as error:  # noqa: BLE001 - one model's failure must not end the others
            errors[name] = _in_one_line(error)
            del times[name]
        else:
            if counts:
                times[name].append(1000 * seconds / images)
    return Turns(times, errors)


def _load(timed: TimedModel, images: int, device: str) -> _Loaded:
    cfg, notes = timed.cfg, []
    prepared = prepare_images(cfg, images)
    with scope_of(cfg):
        model = MODELS.build(copy.deepcopy(cfg.model))
    if timed.checkpoint is None:
        notes.append('timed with random weights')
    else:
        load_weights(model, timed.checkpoint)
    model = model.to(device).eval()
    if kind_of(cfg) == 'top-down':
        notes.append("the time is that of one garment's crop")
    if prepared.note is not None:
        notes.append(prepared.note)
    height, width = preprocessed(cfg, prepared.batches[0])['inputs'].shape[-2:]
    predict = partial(_timed_prediction, model, cfg, prepared.batches, device.startswith('cuda'))
    return _Loaded(predict, (width, height), notes)


def _timed_prediction(
    model: nn.Module, cfg: Config, batches: Sequence[Batch], on_cuda: bool, index: int
) -> float:
    """Seconds of one prediction."""
    batch = copy.deepcopy(batches[index])  # a prediction is written into its data sample
    step: Any = model.test_step
    with scope_of(cfg), torch.no_grad():
        _wait(on_cuda)
        start = time.perf_counter()
        step(batch)
        _wait(on_cuda)
        return time.perf_counter() - start


def _wait(on_cuda: bool) -> None:
    if on_cuda:
        torch.cuda.synchronize()


def _in_one_line(error: Exception) -> str:
    text = ' '.join(f'{type(error).__name__}: {error}'.split())
    return textwrap.shorten(text, LONGEST_ERROR, placeholder=' ...')
