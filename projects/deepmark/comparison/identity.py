# SPDX-License-Identifier: Apache-2.0
"""What a run was made of, so that a later call can tell whether it still answers the question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from mmengine.config import Config

from deepmark.comparison.results import Budget

SHOWN_KEYS = 5
# Set for each run anew.
_LEFT_OUT = ('work_dir', 'launcher', 'resume')


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The question that a model's runs answer.

    Attributes:
        config: Content of the merged config.
        weights: What is tested instead of a training.
        budget: Of a training.
        evaluations: In a training.
        data: As the results describe them.
        from_scratch: Whether pre-trained starts were left out on purpose.
    """

    config: dict[str, Any]
    weights: str | None
    budget: Budget
    evaluations: int
    data: dict[str, Any]
    from_scratch: bool


class ModelRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``model.json`` of a model's folder.

    Attributes:
        identity: The question.
        notes: What a reader must know of the config that is run.
    """

    identity: Identity
    notes: list[str]


def plain(value: Any) -> Any:
    """A config's content as JSON has it: lists for tuples, text for whatever JSON lacks.

    Example:
        >>> plain({'a': (1, 2.5), 'b': {3: None}})
        {'a': [1, 2.5], 'b': {'3': None}}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def plain_config(cfg: Config) -> dict[str, Any]:
    """The content of a config that its runs share."""
    content: dict[str, Any] = plain(cfg.to_dict())
    return {key: value for key, value in content.items() if key not in _LEFT_OUT}


def differences(old: Identity, new: Identity) -> list[str]:
    """Dotted keys at which two identities differ.

    Numbers are compared as JSON has them: 1.0 equals 1.
    """
    before = dict(_flat(msgspec.to_builtins(old), ''))
    after = dict(_flat(msgspec.to_builtins(new), ''))
    keys = dict.fromkeys([*before, *after])
    missing = object()
    return [key for key in keys if before.get(key, missing) != after.get(key, missing)]


def shown(keys: Sequence[str]) -> str:
    """Some keys in a line.

    Example:
        >>> shown(['a', 'b'])
        'a, b'
    """
    more = len(keys) - SHOWN_KEYS
    return ', '.join(keys[:SHOWN_KEYS]) + (f' and {more} more' if more > 0 else '')


def read_record(path: Path) -> ModelRecord | None:
    """The record of a model, or None when there is none or it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ModelRecord)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _flat(node: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping) and node:
        for name, value in node.items():
            yield from _flat(value, f'{key}.{name}' if key else str(name))
    elif isinstance(node, list) and node:
        for index, value in enumerate(node):
            yield from _flat(value, f'{key}.{index}')
    else:
        yield key, node
