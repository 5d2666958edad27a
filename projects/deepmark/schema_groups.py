# SPDX-License-Identifier: Apache-2.0
"""Landmark groups: landmarks of several categories that mean the same and share one channel.

The names of the groups are in the schema file; here they become numbers, and what a mirror image
does to a group follows from what it does to the group's landmarks. The idea is DeepMark++'s (arXiv
2006.00710); ``docs/landmark_groups.md`` says how DeepFashion2's groups were found.

Nothing here knows the classes of :mod:`deepmark.schema`, which turns the reasons given here
(ValueError) into its SchemaError.

Legend: C categories, K_max landmarks of the longest list, S slots, G groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class ChannelLayout:
    """Which channel of a landmark map belongs to which landmark.

    Attributes:
        count: channels.
        table: (C, K_max) int64 channel of each class-local landmark, -1 in the padding; read-only.
        flip_index: (count,) int64 channel that a mirror image puts here; read-only.
    """

    count: int
    table: npt.NDArray[np.int64]
    flip_index: npt.NDArray[np.int64]


class LandmarkGroups(NamedTuple):
    """All groups of a schema, in the order in which its slots first use them.

    Attributes:
        names: (G,).
        slot_groups: (S,) int64 group of each slot, read-only.
        flip_index: (G,) int64 group that a mirror image puts here, read-only; an involution.
    """

    names: tuple[str, ...]
    slot_groups: npt.NDArray[np.int64]
    flip_index: npt.NDArray[np.int64]


def check_group_names(names: Sequence[str]) -> None:
    """Check the groups of one category's landmarks.

    Raises:
        ValueError: a name that is no single word, or two landmarks of one group: a channel could
            not tell them apart.
    """
    first_use: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if not name.isidentifier():
            raise ValueError(
                f'group {name!r} of landmark {number} is not one word of letters, digits and _'
            )
        if name in first_use:
            raise ValueError(
                f"landmarks {first_use[name]} and {number} are both in group '{name}'; "
                'two landmarks of one category need two groups'
            )
        first_use[name] = number


def group_landmarks(
    slot_names: Sequence[str],
    slot_flip_index: npt.NDArray[np.int64],
    slot_title: Callable[[int], str],
) -> LandmarkGroups:
    """Number the groups and find each one's mirror image.

    Args:
        slot_names: (S,) name of each slot's group.
        slot_flip_index: (S,) slot that a mirror image puts here.
        slot_title: what to call a slot in errors, e.g. its category and landmark.

    Raises:
        ValueError: two landmarks of one group whose mirror images are in different groups.

    Example:
        >>> group_landmarks(['top', 'left', 'right', 'left', 'right'], np.array([0, 2, 1, 4, 3]),
        ...                 str).flip_index.tolist()
        [0, 2, 1]
    """
    names = tuple(dict.fromkeys(slot_names))
    number_of = {name: number for number, name in enumerate(names)}
    slot_groups = np.array([number_of[name] for name in slot_names], dtype=np.int64)
    partner = slot_groups[slot_flip_index]
    _, first_slot = np.unique(slot_groups, return_index=True)
    # That this is an involution follows: a slot of a has its partner in b, so that one has it in a.
    flip_index = partner[first_slot]
    (clash,) = np.nonzero(flip_index[slot_groups] != partner)
    if len(clash):
        slot = int(clash[0])
        group = slot_groups[slot]
        first = int(first_slot[group])
        raise ValueError(
            f"{slot_title(slot)} is in group '{names[group]}' and flips to group "
            f"'{names[partner[slot]]}', but {slot_title(first)} is in it too and flips to group "
            f"'{names[partner[first]]}'; the mirror image of a group must be one group "
            '(of a landmark on the axis: its own)'
        )
    for array in (slot_groups, flip_index):
        array.setflags(write=False)
    return LandmarkGroups(names, slot_groups, flip_index)
