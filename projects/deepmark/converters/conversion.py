# SPDX-License-Identifier: Apache-2.0
"""Decide for every weight of a checkpoint and of a model what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from deepmark.converters.family import COUNTER, Family, Shape, Shapes
from deepmark.converters.heads import (
    PUBLIC_HEADS,
    HeadKind,
    branch_of,
    class_channels,
    head_weight,
    is_class_layer,
    is_class_weight,
    recognise_heads,
)
from deepmark.converters.target_model import TargetModel
from deepmark.engine.errors import CheckpointError

NAMES_SHOWN = 8
NOT_IN_SOURCE = 'not in the source'


class Carried(NamedTuple):
    """A weight that is carried over."""

    source: str
    target: str


class Left(NamedTuple):
    """A weight of the source that is dropped, or one of the model that keeps its initial value."""

    key: str
    shape: Shape
    reason: str


@dataclass(frozen=True)
class Conversion:
    """What becomes of every weight.

    Attributes:
        family: layout of the source.
        kind: what the heads were trained for.
        carried: every weight of the source is either here ...
        dropped: ... or here,
        initialised: and every weight of the model among the targets of ``carried`` or here.
        idle: those of ``initialised`` that the model has and never reads.
    """

    family: Family
    kind: HeadKind
    carried: list[Carried]
    dropped: list[Left]
    initialised: list[Left]
    idle: frozenset[str]

    @property
    def heads(self) -> str:
        """What the heads were trained for, in words."""
        return self.kind.name

    @property
    def complete(self) -> bool:
        """Whether every weight that decides anything comes from the source."""
        return all(left.key in self.idle or left.key.endswith(COUNTER) for left in self.initialised)


def plan_conversion(source: str, shapes: Shapes, family: Family, target: TargetModel) -> Conversion:
    """Rename all weights and compare them with the model.

    Args:
        source: names the checkpoint in errors.
        shapes: of the checkpoint's weights.
        family: of the checkpoint.
        target: the model.

    Raises:
        CheckpointError: a model of another family, unknown keys, classes or landmarks that fit
            nothing, other shapes, missing layers; names keys and shapes, and the config entries
            that would fit.
    """
    _require_family(source, shapes, family, target)
    unused = family.unused(shapes)
    used = {key: shape for key, shape in shapes.items() if key not in unused}
    names = _rename(source, used, family)
    kind = _heads(source, shapes, names, family, target)
    dropped = [Left(key, shapes[key], reason) for key, reason in unused.items()]
    carried = []
    for key, name in names.items():
        reason = _reason_to_drop(name, kind, family, target)
        if reason:
            dropped.append(Left(key, shapes[key], reason))
        else:
            carried.append(Carried(key, name))
    idle = family.idle(target.shapes)
    replaced = {names[left.key]: left for left in dropped if left.key in names}
    initialised = _initialised(carried, replaced, idle, target)
    conversion = Conversion(family, kind, carried, dropped, initialised, frozenset(idle))
    _require_fit(source, shapes, conversion, target)
    return conversion


def _require_family(source: str, shapes: Shapes, family: Family, target: TargetModel) -> None:
    if target.backbone == family.backbone:
        return
    parts = [f'{key} {shape}' for key, shape in target.shapes.items() if 'backbone.' in key]
    raise CheckpointError(
        f'{source} is a checkpoint of the family {family.name}, which fits the backbone '
        f'{family.backbone}. It has\n  {family.mark} {shapes[family.mark]}\n'
        f'The model.backbone of {target.name} is {target.backbone}. It has\n{listing(parts)}\n'
        f'Name another config with --config (such as configs/{family.config}) or another checkpoint'
    )


def _rename(source: str, shapes: Shapes, family: Family) -> dict[str, str]:
    """Their names to ours."""
    names: dict[str, str] = {}
    unknown = []
    for key, shape in shapes.items():
        name = family.rename(key)
        if name is None:
            unknown.append(f'{key} {shape}')
        else:
            names[key] = name
    if unknown:
        raise CheckpointError(
            f'{source} is a checkpoint of the family {family.name}, but {len(unknown)} of its keys '
            f'are not known there:\n{listing(unknown)}\nNothing was written. If a network of this '
            'family has them, its table in deepmark.converters needs them'
        )
    return names


def _heads(
    source: str, shapes: Shapes, names: Mapping[str, str], family: Family, target: TargetModel
) -> HeadKind:
    if not family.with_head:
        return HeadKind('none', foreign=False)
    channels = class_channels({name: shapes[key] for key, name in names.items()})
    kind = recognise_heads(channels, class_channels(target.shapes))
    if kind:
        return kind
    found = [f'{key} {shapes[key]}' for key, name in names.items() if is_class_weight(name)]
    if 'hm' not in channels:
        center = head_weight('hm')
        raise CheckpointError(
            f'{source} has no last layer of the centre heatmap (hm), which would tell what its '
            f'heads are for: {center} {target.shapes[center]} of the model: missing in the '
            f'checkpoint. Its class layers:\n{listing(found or ["none"])}'
        )
    wanted = [f'{key} {shape}' for key, shape in target.shapes.items() if is_class_weight(key)]
    schema = target.schema
    raise CheckpointError(
        f'{source}: its heads are neither those of a public checkpoint ({", ".join(PUBLIC_HEADS)}) '
        f"nor those of {target.name}, whose schema '{schema.name}' has {schema.num_categories} "
        f'categories and {schema.num_slots} landmarks. In the checkpoint:\n{listing(found)}\n'
        f'In the model:\n{listing(wanted)}\n'
        'Name a config (--config) whose model.bbox_head has these classes and landmarks: see its '
        'schema, and codec.grouped'
    )


def _reason_to_drop(name: str, kind: HeadKind, family: Family, target: TargetModel) -> str | None:
    """Why a start from another data set goes without a weight; None carries it over."""
    if not kind.foreign:
        return None
    if is_class_layer(name):
        return f"{kind.name}: without counterpart in the schema '{target.schema.name}'"
    if name not in target.shapes:
        for optional in family.optional:
            if re.fullmatch(optional.pattern, name):
                return optional.reason
    return None


def _initialised(
    carried: Iterable[Carried],
    replaced: Mapping[str, Left],
    idle: Mapping[str, str],
    target: TargetModel,
) -> list[Left]:
    """The model's weights that the source does not set."""
    set_by_source = {pair.target for pair in carried}
    result = []
    for key, shape in target.shapes.items():
        reason = idle.get(key, NOT_IN_SOURCE)
        if key in replaced:
            reason = f'in the place of {replaced[key].key} {replaced[key].shape}'
        if key not in set_by_source:
            result.append(Left(key, shape, reason))
    return result


def _require_fit(source: str, shapes: Shapes, conversion: Conversion, target: TargetModel) -> None:
    problems = []
    for key, name in conversion.carried:
        if name not in target.shapes:
            problems.append(f'{key} {shapes[key]}: the model has no {name}')
        elif shapes[key] != target.shapes[name]:
            problems.append(f'{key} {shapes[key]}: {name} of the model is {target.shapes[name]}')
    family = conversion.family
    branches = {branch_of(name) for _, name in conversion.carried} - {None}
    for left in conversion.initialised:
        needed = left.key.startswith(family.fills) or branch_of(left.key) in branches
        if needed and left.reason == NOT_IN_SOURCE and not left.key.endswith(COUNTER):
            problems.append(f'{left.key} {left.shape} of the model: missing in the checkpoint')
    if problems:
        raise CheckpointError(
            f'{source} does not fit the model of {target.name}, {len(problems)} weights:\n'
            f'{listing(problems)}\n{_remedy(shapes, conversion, target)}'
        )


def _remedy(shapes: Shapes, conversion: Conversion, target: TargetModel) -> str:
    family = conversion.family
    try:
        settings = target.differing(family.settings(shapes))
    except KeyError as error:
        return f'It has no {error}, so it is not a whole checkpoint of the family {family.name}'
    if conversion.kind.foreign:
        for optional in family.optional:
            settings.pop(optional.setting, None)
    if not settings:
        return 'Widths and depths are those of the config'
    options = (f"  '{key}={str(value).replace(' ', '')}'" for key, value in settings.items())
    return (
        'The checkpoint was made with these settings. Set them in the config, or give them after '
        '--cfg-options:\n' + '\n'.join(options)
    )


def listing(lines: list[str]) -> str:
    """The first lines, indented, and how many more there are."""
    shown = [f'  {line}' for line in lines[:NAMES_SHOWN]]
    more = len(lines) - NAMES_SHOWN
    return '\n'.join([*shown, f'  and {more} more'] if more > 0 else shown)
