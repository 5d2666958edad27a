# SPDX-License-Identifier: Apache-2.0
"""The landmark schema: which categories there are and which landmarks each of them has.

Every category has a landmark list of its own. Two layouts hold landmarks:

* class-local: ``(N, K_max, ...)``, row ``n`` holds the landmarks of its own category in the first
  ``num_keypoints[label]`` columns and padding behind them; used everywhere inside the project;
* slots: all lists one after the other, ``S`` in all (294 for DeepFashion2); the layout of landmark
  heatmaps and of DeepFashion2's official JSON.

Landmarks of several categories that mean the same can form a group and share a channel
(:mod:`deepmark.schema_groups`).

Legend: C categories, K_max landmarks of the longest list, S slots, G groups. Indices count from 0
in code and from 1 in schema files, as in the data set's own figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from deepmark.schema_file import parse_schema, read_schema_file
from deepmark.schema_groups import ChannelLayout, check_group_names, group_landmarks

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_BUILT_IN = {'deepfashion2': Path(__file__).parent / 'schemas' / 'deepfashion2.yaml'}


class SchemaError(ValueError):
    """A schema contradicts itself, or is asked for something that it does not hold."""


@dataclass(frozen=True)
class Category:
    """One category and its own landmarks (indices from 0 inside the category).

    ``keypoint_groups`` names the group of each landmark; empty: each is a group of its own.

    Raises:
        SchemaError: a number outside the landmark list, a landmark in two flip pairs, a sigma
            that is not a positive finite number, two landmarks in one group, or a list of the
            wrong length.
    """

    name: str
    category_id: int
    num_keypoints: int
    flip_pairs: tuple[tuple[int, int], ...]
    skeleton: tuple[tuple[int, int], ...]
    sigmas: tuple[float, ...]
    aliases: tuple[str, ...] = ()
    color: tuple[int, int, int] = (255, 128, 0)
    keypoint_names: tuple[str, ...] = ()
    keypoint_groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.num_keypoints < 1:
            raise SchemaError(f'{self.title}: num_keypoints is {self.num_keypoints}, must be >= 1')
        for field_name in ('sigmas', 'keypoint_names', 'keypoint_groups'):
            length = len(getattr(self, field_name))
            absent = field_name == 'keypoint_groups' and not length
            if length != self.num_keypoints and not absent:
                raise SchemaError(
                    f'{self.title}: {field_name} has {length} entries for '
                    f'{self.num_keypoints} landmarks'
                )
        self._check_numbers('flip_pairs', self.flip_pairs)
        self._check_numbers('skeleton', self.skeleton)
        self._check_flips()
        for number, sigma in enumerate(self.sigmas, 1):
            if not (np.isfinite(sigma) and sigma > 0):
                raise SchemaError(f'{self.title}: sigma of landmark {number} is {sigma}, not > 0')
        try:
            check_group_names(self.keypoint_groups)
        except ValueError as error:
            raise SchemaError(f'{self.title}: {error}') from error

    @property
    def group_names(self) -> tuple[str, ...]:
        """(num_keypoints,) group of each landmark; 'skirt 1', 'skirt 2' ... without groups."""
        numbers = range(1, self.num_keypoints + 1)
        return self.keypoint_groups or tuple(f'{self.name} {number}' for number in numbers)

    @property
    def title(self) -> str:
        """What errors call the category."""
        return f"category {self.category_id} '{self.name}'"

    def _check_numbers(self, field_name: str, pairs: Sequence[tuple[int, int]]) -> None:
        for pair in pairs:
            for index in pair:
                if not 0 <= index < self.num_keypoints:
                    raise SchemaError(
                        f'{self.title}: {field_name} names landmark {index + 1}, '
                        f'but the category has 1 .. {self.num_keypoints}'
                    )
            if pair[0] == pair[1]:
                raise SchemaError(
                    f'{self.title}: {field_name} pairs landmark {pair[0] + 1} with itself'
                )

    def _check_flips(self) -> None:
        seen: set[int] = set()
        for pair in self.flip_pairs:
            for index in pair:
                if index in seen:
                    raise SchemaError(
                        f'{self.title}: landmark {index + 1} stands in two flip pairs; '
                        'flipping twice must give the original'
                    )
                seen.add(index)


class LandmarkSchema:
    """Categories with their own landmarks, as one validated, read-only value.

    Args:
        name: name of the schema, for messages and checkpoints.
        categories: in the order of the labels 0 .. C - 1.

    Raises:
        SchemaError: no categories, an id or name (or alias) used twice, or groups of landmarks
            that a mirror image tears apart.

    Example:
        >>> DEEPFASHION2.num_categories, DEEPFASHION2.num_slots, DEEPFASHION2.max_keypoints
        (13, 294, 39)
        >>> DEEPFASHION2.num_groups
        61
        >>> DEEPFASHION2.class_names[DEEPFASHION2.label_of(11)]
        'long sleeve dress'
    """

    def __init__(self, name: str, categories: Sequence[Category]) -> None:
        if not categories:
            raise SchemaError(f"schema '{name}' has no categories")
        self.name = name
        self.categories = tuple(categories)
        self._label_by_id: dict[int, int] = {}
        self._label_by_name: dict[str, int] = {}
        for label, category in enumerate(self.categories):
            if category.category_id in self._label_by_id:
                raise SchemaError(
                    f"schema '{name}': category id {category.category_id} is used twice"
                )
            self._label_by_id[category.category_id] = label
            for spelling in {_normalised(n) for n in (category.name, *category.aliases)}:
                if spelling in self._label_by_name:
                    raise SchemaError(f"schema '{name}': category name '{spelling}' is used twice")
                self._label_by_name[spelling] = label
        slot_names = [group for category in self.categories for group in category.group_names]
        try:
            self._groups = group_landmarks(slot_names, self.slot_flip_index, self._slot_title)
        except ValueError as error:
            raise SchemaError(f"schema '{name}': {error}") from error

    @property
    def num_categories(self) -> int:
        """C."""
        return len(self.categories)

    @cached_property
    def num_keypoints(self) -> IntArray:
        """(C,) landmarks of each category."""
        return _read_only(np.array([c.num_keypoints for c in self.categories], dtype=np.int64))

    @property
    def num_slots(self) -> int:
        """S, the landmarks of all categories together."""
        return int(self.slot_offsets[-1])

    @property
    def max_keypoints(self) -> int:
        """K_max, the length of the longest list."""
        return int(self.num_keypoints.max())

    @property
    def class_names(self) -> tuple[str, ...]:
        """(C,) names in label order."""
        return tuple(category.name for category in self.categories)

    @property
    def category_ids(self) -> tuple[int, ...]:
        """(C,) ids as in annotation files, in label order."""
        return tuple(category.category_id for category in self.categories)

    @property
    def palette(self) -> list[tuple[int, int, int]]:
        """(C,) RGB colours in label order."""
        return [category.color for category in self.categories]

    @cached_property
    def slot_offsets(self) -> IntArray:
        """(C + 1,): label c owns the slots ``slot_offsets[c] .. slot_offsets[c + 1] - 1``."""
        return _read_only(np.concatenate([[0], np.cumsum(self.num_keypoints)]).astype(np.int64))

    @cached_property
    def keypoint_valid(self) -> BoolArray:
        """(C, K_max) true where the category has a landmark, false in the padding."""
        columns = np.arange(self.max_keypoints)
        return _read_only(columns[None, :] < self.num_keypoints[:, None])

    @cached_property
    def slots(self) -> IntArray:
        """(C, K_max) slot of each class-local landmark, -1 in the padding."""
        columns = np.arange(self.max_keypoints, dtype=np.int64)
        all_slots = self.slot_offsets[:-1, None] + columns[None, :]
        return _read_only(np.where(self.keypoint_valid, all_slots, -1))

    @cached_property
    def slot_labels(self) -> IntArray:
        """(S,) label of the category that owns each slot."""
        labels = np.arange(self.num_categories, dtype=np.int64)
        return _read_only(np.repeat(labels, self.num_keypoints))

    @cached_property
    def flip_index(self) -> IntArray:
        """(C, K_max) class-local landmark that a mirror image puts here; padding maps to itself."""
        index = np.tile(np.arange(self.max_keypoints, dtype=np.int64), (self.num_categories, 1))
        for label, category in enumerate(self.categories):
            for first, second in category.flip_pairs:
                index[label, [first, second]] = second, first
        return _read_only(index)

    @cached_property
    def slot_flip_index(self) -> IntArray:
        """(S,) the same in slots."""
        local = self.flip_index + self.slot_offsets[:-1, None]
        return _read_only(local[self.keypoint_valid])

    @property
    def group_names(self) -> tuple[str, ...]:
        """(G,) names of the groups, in the order in which the slots first use them."""
        return self._groups.names

    @property
    def num_groups(self) -> int:
        """G; equal to S when no category has groups."""
        return len(self.group_names)

    @property
    def slot_groups(self) -> IntArray:
        """(S,) group of each slot."""
        return self._groups.slot_groups

    @cached_property
    def groups(self) -> IntArray:
        """(C, K_max) group of each class-local landmark, -1 in the padding."""
        return _read_only(np.where(self.keypoint_valid, self.slot_groups[self.slots], -1))

    @property
    def group_flip_index(self) -> IntArray:
        """(G,) group that a mirror image puts here."""
        return self._groups.flip_index

    def channel_layout(self, grouped: bool) -> ChannelLayout:
        """A channel for each group of landmarks, or (``grouped=False``) for each slot."""
        if grouped:
            return ChannelLayout(self.num_groups, self.groups, self.group_flip_index)
        return ChannelLayout(self.num_slots, self.slots, self.slot_flip_index)

    @cached_property
    def sigmas(self) -> FloatArray:
        """(C, K_max) OKS constants, 1.0 in the padding."""
        table = np.ones((self.num_categories, self.max_keypoints))
        table[self.keypoint_valid] = self.slot_sigmas
        return _read_only(table)

    @cached_property
    def slot_sigmas(self) -> FloatArray:
        """(S,) OKS constants in slot order."""
        return _read_only(
            np.array([s for c in self.categories for s in c.sigmas], dtype=np.float64)
        )

    def _slot_title(self, slot: int) -> str:
        label = int(self.slot_labels[slot])
        number = slot - int(self.slot_offsets[label]) + 1
        return f'landmark {number} of {self.categories[label].title}'

    def skeleton(self, label: int) -> tuple[tuple[int, int], ...]:
        """Lines to draw for a label, as pairs of class-local indices."""
        return self.categories[label].skeleton

    def label_of(self, category_id: int) -> int:
        """Label 0 .. C - 1 of an annotation file's category id; SchemaError when unknown."""
        try:
            return self._label_by_id[category_id]
        except (KeyError, TypeError):
            known = ', '.join(map(str, self.category_ids))
            raise SchemaError(
                f"category id {category_id!r} is not in schema '{self.name}' (ids: {known})"
            ) from None

    def label_of_name(self, name: str) -> int:
        """Label of a name or alias (case, ``_`` and ``-`` do not matter); or SchemaError."""
        try:
            return self._label_by_name[_normalised(name)]
        except KeyError:
            raise SchemaError(
                f"category name {name!r} is not in schema '{self.name}' "
                f'(names: {", ".join(self.class_names)})'
            ) from None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], source: str = 'schema') -> LandmarkSchema:
        """Build from the content of a schema file (``schemas/deepfashion2.yaml`` shows every key).

        Args:
            data: mapping with ``name`` and ``categories``; landmark numbers count from 1.
            source: what to name in errors, e.g. the file.

        Raises:
            SchemaError: naming the source, the category and the landmark.
        """
        try:
            name, entries = parse_schema(data)
            return cls(name, [Category(**entry) for entry in entries])
        except ValueError as error:
            raise SchemaError(f'{source}: {error}') from error

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> LandmarkSchema:
        """Read a .yaml, .yml or .json schema file; SchemaError names the file and what is wrong."""
        try:
            data = read_schema_file(Path(path))
        except ValueError as error:
            raise SchemaError(str(error)) from error
        return cls.from_dict(data, source=str(path))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LandmarkSchema):
            return NotImplemented
        return (self.name, self.categories) == (other.name, other.categories)

    def __hash__(self) -> int:
        return hash((self.name, self.categories))

    def __deepcopy__(self, memo: dict[int, Any]) -> LandmarkSchema:
        return self  # it never changes; records that carry it are copied often

    def __repr__(self) -> str:
        return (
            f'LandmarkSchema({self.name!r}, {self.num_categories} categories, '
            f'{self.num_slots} landmarks)'
        )


def get_schema(
    schema: LandmarkSchema | str | PathLike[str] | Mapping[str, Any] | None = None,
) -> LandmarkSchema:
    """What a config's ``schema=`` means: a schema, a built-in name, a file, a mapping, or None.

    None is DeepFashion2.

    Raises:
        SchemaError: unknown name, unreadable file, or a schema that contradicts itself.
    """
    if schema is None:
        return DEEPFASHION2
    if isinstance(schema, LandmarkSchema):
        return schema
    if isinstance(schema, Mapping):
        return LandmarkSchema.from_dict(schema)
    if isinstance(schema, str) and schema in _BUILT_IN:
        return DEEPFASHION2
    path = Path(schema)
    if path.suffix not in {'.yaml', '.yml', '.json'}:
        known = ', '.join(sorted(_BUILT_IN))
        raise SchemaError(
            f'schema {str(schema)!r} is neither built in ({known}) nor a .yaml/.json file'
        )
    return LandmarkSchema.from_file(path)


def _normalised(name: str) -> str:
    return ' '.join(str(name).lower().replace('_', ' ').replace('-', ' ').split())


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.setflags(write=False)
    return array


DEEPFASHION2 = LandmarkSchema.from_file(_BUILT_IN['deepfashion2'])
