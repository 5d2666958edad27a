# SPDX-License-Identifier: Apache-2.0
"""What a family of checkpoints is: one key layout and the part of our model that it fills."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

PARAMETERS = frozenset({'weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'})
COUNTER = 'num_batches_tracked'  # old checkpoints lack it, and it decides nothing


def none_such(keys: Iterable[str]) -> dict[str, str]:
    """Where a family has no unused or idle weights."""
    return {}


class OptionalWeights(NamedTuple):
    """Weights that a start from another data set goes without where the model has no such layer.

    Attributes:
        pattern: of our names.
        setting: dotted key of the config that decides whether the model has them.
        reason: for the report.
    """

    pattern: str
    setting: str
    reason: str


@dataclass(frozen=True)
class Family:
    """A key layout.

    Attributes:
        name: for people.
        mark: a key that this family has and no other.
        modules: pairs of a pattern and a template, as ``re.Match.expand`` takes it. The pattern
            stands for the whole name of a module, i.e. of a key up to its last dot.
        unused: names the weights that no network of this family uses, each with the reason.
        idle: names the weights that our network has and never reads, each with the reason; the
            result has zeros for them.
        optional: weights that the model may have no layer for.
        settings: the config entries that make our network as wide and deep as the checkpoint's;
            KeyError when the checkpoint lacks a layer.
        fills: prefixes of the weights of our model that have to come from the checkpoint.
        with_head: whether branches of the head come from it too.
        backbone: class name of our backbone.
        config: config file whose model it is for unless one is named.
    """

    name: str
    mark: str
    modules: tuple[tuple[str, str], ...]
    unused: Callable[[Iterable[str]], dict[str, str]]
    idle: Callable[[Iterable[str]], dict[str, str]]
    optional: tuple[OptionalWeights, ...]
    settings: Callable[[Shapes], dict[str, object]]
    fills: tuple[str, ...]
    with_head: bool
    backbone: str
    config: str

    def rename(self, key: str) -> str | None:
        """Our name of a weight; None for a key that the layout does not have."""
        module, _, parameter = key.rpartition('.')
        if parameter not in PARAMETERS:
            return None
        for pattern, template in self.modules:
            if match := re.fullmatch(pattern, module):
                return f'{match.expand(template)}.{parameter}'
        return None
