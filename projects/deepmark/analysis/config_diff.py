# SPDX-License-Identifier: Apache-2.0
"""What differs between two configs once all inheritance is done, key by key.

mmengine's ``Config.diff`` compares the text; here the values are compared, so that an ablation can
be held to the line of its docstring that names them::

    Changes: model.test_cfg.refine

A key covers what lies below it.
"""

from __future__ import annotations

import ast
import inspect
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from mmengine.config import Config
from mmengine.runner import Runner

from deepmark.analysis.family import parse_leaf
from deepmark.engine.errors import RunError

# What a run reads at the top of a config; any other name only serves other lines of configs.
RUN_KEYS: Final = frozenset(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'} | {
    *('activation_checkpointing', 'custom_imports', 'find_unused_parameters', 'model_wrapper_cfg'),
    *('runner_type', 'start_checkpoint_source', 'tta_model', 'tta_pipeline', 'tta_test_cfg'),
}
# Such a key may be named whole: where in it the pipeline is says nothing.
NAMED_WHOLE: Final = ('train_dataloader', 'val_dataloader', 'test_dataloader')


class _Absent:
    def __repr__(self) -> str:
        return '(absent)'


ABSENT: Final = _Absent()


class Change(NamedTuple):
    """One key that differs.

    Attributes:
        key: Dotted, elements of lists by their index, as ``--cfg-options`` takes it.
        old: The value in the first config, or ``ABSENT``.
        new: The value in the second config, or ``ABSENT``.
    """

    key: str
    old: Any
    new: Any

    @property
    def acts(self) -> bool:
        """Whether a run reads the key; otherwise it is a name that only configs use."""
        return self.key.split('.')[0] in RUN_KEYS


def changes_between(old: Config, new: Config) -> list[Change]:
    """List the keys whose values differ, in the order of the first config.

    Dictionaries are compared key by key, lists of the same length that hold dictionaries element by
    element, anything else as a whole. ``1`` and ``1.0``, or a list and a tuple, differ.
    """
    return list(_walk((), old.to_dict(), new.to_dict()))


def _walk(path: tuple[str, ...], old: Any, new: Any) -> Iterator[Change]:
    if _goes_deeper(old, new):
        for key in [*_keys(old), *(key for key in _keys(new) if key not in _keys(old))]:
            yield from _walk((*path, str(key)), _item(old, key), _item(new, key))
    elif repr(old) != repr(new):
        yield Change('.'.join(path), old, new)


def _goes_deeper(old: Any, new: Any) -> bool:
    filled = [value for value in (old, new) if value is not ABSENT]
    if all(isinstance(value, Mapping) for value in filled):
        return any(filled)
    if type(old) is not type(new) or not isinstance(old, (list, tuple)) or len(old) != len(new):
        return False
    return any(isinstance(value, Mapping) for value in (*old, *new))


def _keys(value: Any) -> Sequence[Any]:
    if value is ABSENT:
        return ()
    return list(value) if isinstance(value, Mapping) else range(len(value))


def _item(value: Any, key: Any) -> Any:
    return value[key] if key in _keys(value) else ABSENT


def text_difference(old: Config, new: Config) -> str:
    """``Config.diff``: a unified diff of the merged configs, in colours on a terminal, or ''."""
    # It prints through a console of its own, which would break lines at the terminal's width.
    columns = os.environ.get('COLUMNS')
    os.environ['COLUMNS'] = '100000'
    try:
        return str(Config.diff(old, new)).rstrip()
    finally:
        if columns is None:
            del os.environ['COLUMNS']
        else:
            os.environ['COLUMNS'] = columns


def base_of(leaf: Path) -> Path:
    """The one config that a leaf inherits.

    Raises:
        RunError: It inherits none, or several.
    """
    for node in ast.parse(leaf.read_text(encoding='utf-8'), str(leaf)).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '_base_':
            bases = ast.literal_eval(node.value)
            bases = [bases] if isinstance(bases, str) else bases
            if len(bases) == 1:
                return leaf.parent / str(bases[0])
    raise RunError(f'{leaf}: an ablation inherits one config (_base_ = ...)')


def ablation_problems(leaf: Path) -> list[str]:
    """Hold an ablation to the ``Changes:`` of its docstring; [] says that they are exact.

    Raises:
        RunError: It does not inherit one config.
        FamilyError: The docstring is incomplete.
    """
    return naming_problems(base_of(leaf), leaf, parse_leaf(leaf).changes)


def naming_problems(base: Path, leaf: Path, names: str) -> list[str]:
    """The same for any two configs.

    Args:
        base: A config.
        leaf: What is compared with it.
        names: Dotted keys with commas between them.
    """
    between = changes_between(Config.fromfile(base), Config.fromfile(leaf))
    changed = [change.key for change in between if change.acts]
    if not changed:
        return ['it changes nothing']
    named = [name.strip() for name in names.split(',') if name.strip()]
    unnamed = [key for key in changed if not any(_covers(name, key) for name in named)]
    return [f'{key} differs and is not named' for key in unnamed] + [
        problem for name in named for problem in _too_much(name, changed)
    ]


def _too_much(name: str, changed: Iterable[str]) -> Iterator[str]:
    below = [key for key in changed if _covers(name, key)]
    if not below:
        yield f'{name} is named and does not differ'
    elif name not in NAMED_WHOLE and _narrowest(below) != name:
        yield f'{name} is named, only {_narrowest(below)} differs'


def _covers(name: str, key: str) -> bool:
    return key == name or key.startswith(f'{name}.')


def _narrowest(keys: Sequence[str]) -> str:
    """The longest key that covers them all, without an index into a list."""
    common: list[str] = []
    for parts in zip(*(key.split('.') for key in keys), strict=False):
        if len(set(parts)) > 1 or parts[0].isdigit():
            break
        common.append(parts[0])
    return '.'.join(common)
