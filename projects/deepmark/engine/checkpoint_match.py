# SPDX-License-Identifier: Apache-2.0
"""Compare a checkpoint with a model before its weights are trusted.

mmengine loads with ``strict=False`` and only logs what does not fit, so that a checkpoint of
another architecture "tests" at AP 0 after hours. Two policies:

- ``require_full_match``: every weight of the model is in the checkpoint (testing, prediction,
  resuming). Weights that the model has no use for are allowed.
- ``require_some_match``: at least one weight fits (``load_from`` in training).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import Tensor, nn

from deepmark.engine.checkpoint_file import load_checkpoint_file
from deepmark.engine.errors import CheckpointError

NAMES_SHOWN = 5


class StateDictMatch(NamedTuple):
    """How the weights of a checkpoint and of a model correspond.

    Attributes:
        fitting: Keys with equal shape on both sides.
        missing: Keys of the model that the checkpoint lacks.
        mismatched: "key: checkpoint (shape), model (shape)" where the shapes differ.
        unused: Keys of the checkpoint that the model lacks.
    """

    fitting: list[str]
    missing: list[str]
    mismatched: list[str]
    unused: list[str]


def weights_of(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Take the state dict out of a checkpoint, ``module.`` of a wrapped model cut off."""
    weights = checkpoint.get('state_dict', checkpoint)
    return {re.sub(r'^module\.', '', key): value for key, value in weights.items()}


def inner_model(model: nn.Module) -> nn.Module:
    """Take a model out of its distributed and test-time wrappers."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = cast(nn.Module, model.module)
    return model


def match_state_dict(model: nn.Module, weights: Mapping[str, Any]) -> StateDictMatch:
    """Compare by key and shape.

    ``num_batches_tracked`` of the batch norms is left out, as mmengine does: old checkpoints lack
    it and it decides nothing.
    """
    own = {
        key: value
        for key, value in model.state_dict().items()
        if not key.endswith('num_batches_tracked')
    }
    fitting, mismatched = [], []
    for key in own.keys() & weights.keys():
        if _shape(own[key]) == _shape(weights[key]):
            fitting.append(key)
        else:
            mismatched.append(f'{key}: checkpoint {_shape(weights[key])}, model {_shape(own[key])}')
    unused = [key for key in weights if key not in own and not key.endswith('num_batches_tracked')]
    missing = [key for key in own if key not in weights]
    return StateDictMatch(sorted(fitting), missing, sorted(mismatched), unused)


def require_full_match(model: nn.Module, checkpoint: Mapping[str, Any], name: str) -> None:
    """Check that the checkpoint sets every weight of the model.

    Modules may translate the keys of older versions while they load (mmcv's deformable convolution
    does). So when the plain comparison fails, a real loading decides.

    Args:
        model: The model, possibly in a wrapper.
        checkpoint: As read from the file.
        name: The file, for the message.

    Raises:
        CheckpointError: Weights are missing or differ in shape; names them.
    """
    model = inner_model(model)
    weights = weights_of(checkpoint)
    match = match_state_dict(model, weights)
    if not match.missing and not match.mismatched:
        return
    if not match.mismatched and not _missing_after_loading(model, weights):
        return
    raise CheckpointError(
        f'{name} does not fit the model {type(model).__name__}'
        f'{_origin(checkpoint)}: {describe(match)}'
    )


def require_some_match(
    model: nn.Module, checkpoint: Mapping[str, Any], name: str
) -> StateDictMatch:
    """Check that the checkpoint sets at least one weight of the model.

    Raises:
        CheckpointError: No key of the model is in the checkpoint with the same shape.
    """
    model = inner_model(model)
    match = match_state_dict(model, weights_of(checkpoint))
    if not match.fitting:
        raise CheckpointError(
            f'{name} shares no weight with the model {type(model).__name__}'
            f'{_origin(checkpoint)}: {describe(match)}'
        )
    return match


def load_weights(
    model: nn.Module, path: str | os.PathLike[str], map_location: Any = 'cpu'
) -> dict[str, Any]:
    """Load a checkpoint file into a model for prediction.

    Args:
        model: The model; changed in place.
        path: A local file.
        map_location: As for ``torch.load``.

    Returns:
        The checkpoint (its ``meta`` holds the config and ``dataset_meta``).

    Raises:
        CheckpointError: The file cannot be read, is not trusted, or does not fit the model.
    """
    checkpoint = load_checkpoint_file(path, map_location)
    require_full_match(model, checkpoint, str(path))
    inner_model(model).load_state_dict(weights_of(checkpoint), strict=False)
    return checkpoint


def describe(match: StateDictMatch) -> str:
    """Put counts and the first names into one line."""
    total = len(match.fitting) + len(match.missing) + len(match.mismatched)
    parts = [f'{len(match.fitting)} of {total} weights fit']
    for names, text in (
        (match.missing, 'missing in the checkpoint'),
        (match.mismatched, 'of another shape'),
        (match.unused, 'unknown to the model'),
    ):
        if names:
            more = f' and {len(names) - NAMES_SHOWN} more' if len(names) > NAMES_SHOWN else ''
            parts.append(f'{len(names)} {text} ({"; ".join(names[:NAMES_SHOWN])}{more})')
    return ', '.join(parts)


def _shape(value: Any) -> tuple[int, ...] | str:
    return tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__


def _origin(checkpoint: Mapping[str, Any]) -> str:
    meta = checkpoint.get('meta')
    name = meta.get('experiment_name') if isinstance(meta, Mapping) else None
    return f' (it was trained as {name})' if name else ''


def _missing_after_loading(model: nn.Module, weights: dict[str, Any]) -> list[str]:
    try:
        missing = model.load_state_dict(weights, strict=False).missing_keys
    except RuntimeError as error:
        return [str(error)]
    return [key for key in missing if not key.endswith('num_batches_tracked')]
