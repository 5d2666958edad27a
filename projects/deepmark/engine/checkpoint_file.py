# SPDX-License-Identifier: Apache-2.0
"""Read a checkpoint file without executing anything that it holds.

A checkpoint is a pickle, and a pickle may call any function. ``torch.load(weights_only=True)``
calls only what is on an allow-list. mmengine extends that list by what its own checkpoints hold
(``mmengine.runner.checkpoint.get_torch_safe_globals``), but on a refusal it falls back to full
unpickling. Here a refusal is an error that names the object.

Two entries differ from mmengine's list:

- ``getattr`` is needed because HistoryBuffer pickles its own methods as ``getattr(HistoryBuffer,
  'mean')``. The free ``getattr`` would hand out any attribute of any allowed object (such as the
  ``__globals__`` of a function), so a stand-in serves only HistoryBuffer's public methods.
- numpy's scalars are listed for every number type and under the module names of numpy 1 and 2;
  mmengine's list has float64, int64 and uint32 under the installed version's name alone.
"""

from __future__ import annotations

import codecs
import functools
import os
import pickle
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from deepmark.engine.errors import CheckpointError
from deepmark.engine.pickle_globals import iterate_globals

ZIP_MAGIC = b'PK\x03\x04'
START_LENGTH = 40  # bytes that tell what a file is
NUMBER_TYPES = (
    'bool',
    'int8',
    'int16',
    'int32',
    'int64',
    'uint8',
    'uint16',
    'uint32',
    'uint64',
    'float16',
    'float32',
    'float64',
)
# What a damaged pickle stream raises before it ends.
DAMAGE_ERRORS = (
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OSError,
)


def history_buffer_method(owner: object, name: str) -> Callable[..., Any]:
    """Stand in for ``getattr`` while a checkpoint is read.

    Raises:
        pickle.UnpicklingError: Anything but a public method of HistoryBuffer is asked for.
    """
    method = vars(HistoryBuffer).get(name) if owner is HistoryBuffer else None
    if method is None or name.startswith('_') or not callable(method):
        raise pickle.UnpicklingError(
            f'GLOBAL builtins.getattr asks for the attribute {name!r} of {owner!r}'
        )
    return method  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=1)
def allowed_globals() -> tuple[Any, ...]:
    """List what a checkpoint may name beyond torch's own list.

    Returns:
        Classes and functions, or pairs (object, name in the file), as
        ``torch.serialization.safe_globals`` takes them.
    """
    # numpy 1 has the module only as numpy.core, numpy 2 has a deprecated alias of that name.
    core = np._core if hasattr(np, '_core') else np.core
    multiarray: Any = core.multiarray
    numpy_functions = [
        (getattr(multiarray, name), f'numpy.{module}.multiarray.{name}')
        for name in ('_reconstruct', 'scalar')
        for module in ('core', '_core')
    ]
    dtype_classes = dict.fromkeys(type(np.dtype(name)) for name in NUMBER_TYPES)
    return (
        slice,
        HistoryBuffer,
        np.ndarray,
        np.dtype,
        *dtype_classes,
        *numpy_functions,
        (history_buffer_method, 'builtins.getattr'),
    )


def load_checkpoint_file(path: str | os.PathLike[str], map_location: Any = None) -> dict[str, Any]:
    """Read a checkpoint from the disk.

    Args:
        path: The file.
        map_location: As for ``torch.load``.

    Returns:
        The checkpoint: mmengine's ``meta``, ``state_dict``, ``optimizer`` ... or a bare state dict.

    Raises:
        CheckpointError: The file is missing, empty, truncated, no checkpoint, or holds objects
            that are not on the allow-list (named in the message).
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise CheckpointError(f'{path}: there is no such checkpoint file')
    try:
        with torch.serialization.safe_globals(list(allowed_globals())):
            checkpoint = torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(_describe_refusal(path, error)) from error
    except DAMAGE_ERRORS as error:
        raise CheckpointError(_describe_damage(path, error)) from error
    if not isinstance(checkpoint, Mapping):
        raise CheckpointError(
            f'{path}: holds a {type(checkpoint).__name__} where a dict of weights is expected'
        )
    return checkpoint  # type: ignore[return-value]


def is_complete(path: Path) -> bool:
    """Tell whether a checkpoint was written to its end.

    ``torch.save`` writes a zip archive, whose directory comes last.
    """
    return path.is_file() and zipfile.is_zipfile(path)


def _describe_refusal(path: Path, error: Exception) -> str:
    names = _unlisted_globals(path)
    reason = _last_reason(error)
    if not names:
        named = re.findall(r'GLOBAL (\S+)', reason)
        if not named:
            return _describe_damage(path, error)
        names = [f'{named[0]} ({reason})']
    return (
        f'{path}: refused, for it holds {", ".join(names)}: not on the list of what a '
        'checkpoint may hold. Nothing of it was executed. If you trust the file, save it anew with '
        'its weights only, or allow the object with torch.serialization.add_safe_globals in a '
        'module that the config lists under custom_imports'
    )


def _describe_damage(path: Path, error: Exception) -> str:
    size = path.stat().st_size
    with path.open('rb') as file:
        start = file.read(START_LENGTH)
    if size == 0:
        return f'{path}: the checkpoint file is empty (0 bytes)'
    text = start.removeprefix(codecs.BOM_UTF8).decode('ascii', 'replace').strip()
    if text and text.splitlines()[0].isprintable() and text.isascii():
        return (
            f'{path}: is no checkpoint but a text, which starts with {text.splitlines()[0]!r}: '
            "perhaps a web page or the pointer to a large file in the file's place; download it "
            'again'
        )
    if start.startswith(ZIP_MAGIC) and not zipfile.is_zipfile(path):
        return (
            f'{path}: the checkpoint file is truncated (its {size} bytes end before the '
            'archive does); copy or download it again'
        )
    return f'{path}: cannot be read as a checkpoint: {_last_reason(error)}'


def _last_reason(error: Exception) -> str:
    """Cut torch's advice (which proposes to switch the protection off) down to the reason."""
    text = str(error).split('WeightsUnpickler error:')[-1].strip()
    return text.splitlines()[0] if text else type(error).__name__


def _unlisted_globals(path: Path) -> list[str]:
    """Name the objects in the file that neither torch's list nor ours has, without loading it."""
    names = set(iterate_globals(path))
    unpickler: Any = torch._weights_only_unpickler
    known = set(unpickler._get_allowed_globals()) | set(unpickler._get_user_allowed_globals())
    for entry in allowed_globals():
        known.add(
            entry[1] if isinstance(entry, tuple) else f'{entry.__module__}.{entry.__qualname__}'
        )
    return sorted(names - known)
