# SPDX-License-Identifier: Apache-2.0
"""The short notation of schema files: pairs, chains and colours.

Numbers count from 1 in the notation and from 0 in what is returned. Plain lists of pairs
(``[[2, 6], [3, 5]]``) are accepted wherever the notation is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

Pairs = tuple[tuple[int, int], ...]

_COLOR = re.compile(r'#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})')


def parse_pairs(notation: str | Sequence[Sequence[int]]) -> Pairs:
    """Read flip pairs: ``a-b``, or ``S:a-b`` for the pairs (i, S - i) with i = a .. b.

    Raises:
        ValueError: naming the part that cannot be read.

    Example:
        >>> parse_pairs('2-6 9:3-4')
        ((1, 5), (2, 5), (3, 4))
    """
    if not isinstance(notation, str):
        return _pairs_from_lists(notation)
    pairs: list[tuple[int, int]] = []
    for part in notation.split():
        match = re.fullmatch(r'(?:(\d+):)?(\d+)-(\d+)', part)
        if not match:
            raise ValueError(f"flip pair {part!r} is not of the form '2-6' or '32:7-15'")
        first, last = int(match[2]), int(match[3])
        if match[1] is None:
            pairs.append((first - 1, last - 1))
        else:
            total = int(match[1])
            pairs.extend((i - 1, total - i - 1) for i in range(first, last + 1))
    return tuple(pairs)


def parse_chains(notation: str | Sequence[Sequence[int]]) -> Pairs:
    """Read a skeleton: chains ``a-b-c`` in which ``a..b`` stands for a-(a+1)-...-b.

    Raises:
        ValueError: naming the part that cannot be read.

    Example:
        >>> parse_chains('2-1-6 7..9-2')
        ((1, 0), (0, 5), (6, 7), (7, 8), (8, 1))
    """
    if not isinstance(notation, str):
        return _pairs_from_lists(notation)
    edges: list[tuple[int, int]] = []
    for chain in notation.split():
        if not re.fullmatch(r'\d+(?:\.\.\d+)?(?:-\d+(?:\.\.\d+)?)*', chain):
            raise ValueError(f"skeleton chain {chain!r} is not of the form '2-1-6' or '7..15-2'")
        numbers: list[int] = []
        for link in chain.split('-'):
            first, _, last = link.partition('..')
            numbers.extend(range(int(first), int(last or first) + 1))
        edges.extend((a - 1, b - 1) for a, b in pairwise(numbers))
    return tuple(edges)


def parse_color(notation: str | Sequence[int]) -> tuple[int, int, int]:
    """Read ``'#rrggbb'`` or ``[r, g, b]`` as 0..255 RGB.

    Raises:
        ValueError: anything else.
    """
    if isinstance(notation, str):
        match = _COLOR.fullmatch(notation)
        values = [int(group, 16) for group in match.groups()] if match else []
    else:
        values = [int(value) for value in notation]
    if len(values) != 3 or not all(0 <= value <= 255 for value in values):
        raise ValueError(f"color {notation!r} is neither '#rrggbb' nor three numbers 0..255")
    return values[0], values[1], values[2]


def _pairs_from_lists(pairs: Sequence[Sequence[int]]) -> Pairs:
    for pair in pairs:
        if len(pair) != 2:
            raise ValueError(f'{list(pair)!r} is not a pair of landmark numbers')
    return tuple((int(first) - 1, int(second) - 1) for first, second in pairs)
