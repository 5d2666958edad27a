# SPDX-License-Identifier: Apache-2.0
"""What is said of a garment beside its box and landmarks, as the labelling tools write it.

DeepFashion2 gives scale, occlusion, zoom-in and viewpoint in three levels each, a style, the number
of the pair, and the source ('shop' or 'user'). COCO's ``iscrowd`` is ``ignore`` here. All are
optional: 0, empty or false where nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepmark.datasets.attribute_levels import ATTRIBUTE_LEVELS
from deepmark.datasets.records import ATTRIBUTES
from deepmark.labelling.mistakes import ElementError

UNKNOWN = '0 unknown'
WHOLE_NUMBERS = ('style', 'pair_id')
TEXT, FLAG = 'source', 'ignore'
_LARGEST = {'pair_id': 2**53, **dict.fromkeys(ATTRIBUTES, 2**15 - 1)}


@dataclass(frozen=True)
class GarmentFacts:
    """The facts of one garment, ``attributes`` in the order of ``records.ATTRIBUTES``."""

    attributes: tuple[int, ...] = (0,) * len(ATTRIBUTES)
    pair_id: int = 0
    source: str = ''
    ignore: bool = False

    @classmethod
    def of_record(cls, instance: Mapping[str, Any]) -> GarmentFacts:
        """From an entry of a record's ``instances``."""
        return cls(
            attributes=tuple(int(instance['attributes'][name]) for name in ATTRIBUTES),
            pair_id=int(instance['pair_id']),
            source=str(instance['source']),
            ignore=bool(instance['ignore_flag']),
        )

    @classmethod
    def of_texts(cls, texts: Mapping[str, str]) -> GarmentFacts:
        """From what a tool says; unknown names are somebody else's and left alone.

        Raises:
            ElementError: a value that is no number, or too large.

        Example:
            >>> GarmentFacts.of_texts({'scale': '2 moderate', 'source': 'shop'}).attributes
            (2, 0, 0, 0, 0)
        """
        return cls(
            attributes=tuple(_whole_number(name, texts.get(name, '')) for name in ATTRIBUTES),
            pair_id=_whole_number('pair_id', texts.get('pair_id', '')),
            source=texts.get(TEXT, ''),
            ignore=texts.get(FLAG, '').strip().lower() in {'true', '1', 'yes', FLAG},
        )

    def texts(self) -> dict[str, str]:
        """What :meth:`of_texts` reads, every name."""
        texts = {}
        for name, value in zip(ATTRIBUTES, self.attributes, strict=True):
            levels = level_texts(name)
            texts[name] = levels[value] if value < len(levels) else str(value)
        texts['pair_id'] = str(self.pair_id)
        texts[TEXT] = self.source
        texts[FLAG] = 'true' if self.ignore else 'false'
        return texts


def level_texts(name: str) -> tuple[str, ...]:
    """What an annotator chooses from, level 0 first; empty for an attribute without levels.

    Example:
        >>> level_texts('scale')
        ('0 unknown', '1 small', '2 moderate', '3 large')
    """
    if name not in ATTRIBUTE_LEVELS:
        return ()
    return (
        UNKNOWN,
        *(f'{number} {level}' for number, level in enumerate(ATTRIBUTE_LEVELS[name], 1)),
    )


def _whole_number(name: str, text: str) -> int:
    words = text.split()
    if not words:
        return 0
    try:
        number = int(words[0])
    except ValueError:
        number = -1
    if not 0 <= number <= _LARGEST[name]:
        raise ElementError(f'{name} is {text!r}. Fix: a whole number from 0, or nothing')
    return number
