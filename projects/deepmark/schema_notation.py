# SPDX-License-Identifier: Apache-2.0
"""The values of schema files: numbers, texts and lists; the notation of pairs, chains and groups.

Nothing is converted in silence: a number is no text, 3.7 is no landmark, a text is no list. Every
function here raises ValueError with a sentence that says what was found.

Numbers count from 1 in the notation and from 0 in what is returned. Plain lists of pairs
(``[[2, 6], [3, 5]]``) are accepted wherever the notation is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, TypeGuard

Pairs = tuple[tuple[int, int], ...]

_COLOR = re.compile(r'#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})')


def parse_pairs(notation: object) -> Pairs:
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
            raise ValueError(f"{part!r} is not of the form '2-6' or '32:7-15'")
        first, last = int(match[2]), int(match[3])
        if match[1] is None:
            pairs.append((first - 1, last - 1))
        else:
            total = int(match[1])
            pairs.extend((i - 1, total - i - 1) for i in _span(first, last, part))
    return tuple(pairs)


def parse_chains(notation: object) -> Pairs:
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
            raise ValueError(f"{chain!r} is not of the form '2-1-6' or '7..15-2'")
        numbers: list[int] = []
        for link in chain.split('-'):
            first, _, last = link.partition('..')
            numbers.extend(_span(int(first), int(last or first), link))
        if len(numbers) < 2:
            raise ValueError(f'{chain!r} is a single landmark; a line joins two')
        edges.extend((a - 1, b - 1) for a, b in pairwise(numbers))
    return tuple(edges)


def parse_groups(notation: object) -> dict[int, str]:
    """Read group names of landmarks one after the other; ``7:name`` goes on at landmark 7.

    A plain list of names, from the first landmark on, is accepted too.

    Raises:
        ValueError: naming the part that cannot be read, or a landmark that is named twice.

    Example:
        >>> parse_groups('top neck_left 7:hem_left hem')
        {0: 'top', 1: 'neck_left', 6: 'hem_left', 7: 'hem'}
    """
    if not isinstance(notation, str):
        return dict(enumerate(parse_texts(notation, 'landmark')))
    groups: dict[int, str] = {}
    index = 0
    for part in notation.split():
        match = re.fullmatch(r'(?:(\d+):)?([^\W\d]\w*)', part)
        if not match:
            raise ValueError(f"{part!r} is not of the form 'hem_left' or '7:hem_left'")
        index = int(match[1]) - 1 if match[1] else index
        if index in groups:
            raise ValueError(f'{part!r} names landmark {index + 1} a second time')
        groups[index] = match[2]
        index += 1
    return groups


def complete_groups(groups: Mapping[int, str], flip_pairs: Pairs, count: int) -> tuple[str, ...]:
    """Group names of all landmarks, or of none when ``groups`` is empty.

    A landmark without a name gets that of its flip partner with ``_left`` and ``_right`` exchanged.

    Raises:
        ValueError: naming a landmark that is too many, or one whose group does not follow.

    Example:
        >>> complete_groups({0: 'top', 1: 'hem_left'}, ((1, 2),), 3)
        ('top', 'hem_left', 'hem_right')
    """
    if groups and not 0 <= min(groups) <= max(groups) < count:
        wrong = max(groups) if min(groups) >= 0 else min(groups)
        raise ValueError(f'names landmark {wrong + 1}, but the category has 1 .. {count}')
    partner = {a: b for pair in flip_pairs for a, b in (pair, pair[::-1])}
    names: list[str] = []
    for index in range(count if groups else 0):
        name = groups.get(index) or _other_side(groups.get(partner.get(index, index), ''))
        if not name:
            raise ValueError(
                f'landmark {index + 1} has none; name it, or its flip partner with _left or _right'
            )
        names.append(name)
    return tuple(names)


def parse_color(notation: object) -> tuple[int, int, int]:
    """Read ``'#rrggbb'`` or ``[r, g, b]`` as 0..255 RGB.

    Raises:
        ValueError: anything else.
    """
    values: list[int] = []
    if isinstance(notation, str):
        match = _COLOR.fullmatch(notation)
        values = [int(group, 16) for group in match.groups()] if match else []
    elif is_list(notation) and all(_is_whole(value) for value in notation):
        values = [int(value) for value in notation]
    if len(values) != 3 or not all(0 <= value <= 255 for value in values):
        raise ValueError(
            f"{notation!r} is neither '#rrggbb' (in quotes) nor three whole numbers 0..255"
        )
    return values[0], values[1], values[2]


def parse_whole(value: object) -> int:
    """Read a whole number.

    Example:
        >>> parse_whole(25), parse_whole(25.0)
        (25, 25)
    """
    if not _is_whole(value):
        raise ValueError(f'{value!r} is not a whole number')
    return int(value)  # type: ignore[call-overload, no-any-return]


def parse_numbers(values: object, what: str = 'entry') -> tuple[float, ...]:
    """Read a list of numbers; ``what`` says in errors what the entries belong to."""
    numbers: list[float] = []
    for position, value in enumerate(_list(values), 1):
        if not isinstance(value, Real) or isinstance(value, bool):
            raise ValueError(f'{what} {position}: {value!r} is not a number')
        try:
            numbers.append(float(value))
        except OverflowError:
            raise ValueError(f'{what} {position}: the number is too large') from None
    return tuple(numbers)


def parse_sigmas(values: object) -> tuple[float, ...] | float:
    """Read OKS constants: a list, or one number that holds for all landmarks.

    Example:
        >>> parse_sigmas([0.1, 0.2]), parse_sigmas(0.05)
        ((0.1, 0.2), 0.05)
    """
    if isinstance(values, Real) and not isinstance(values, bool):
        return parse_numbers([values], 'sigmas')[0]
    return parse_numbers(values, 'landmark')


def parse_text(value: object) -> str:
    """Read a text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f'{value!r} is not a text (in quotes)')
    return value


def parse_texts(values: object, what: str = 'entry') -> tuple[str, ...]:
    """Read a list of texts; ``what`` says in errors what the entries belong to."""
    texts: list[str] = []
    for position, value in enumerate(_list(values), 1):
        try:
            texts.append(parse_text(value))
        except ValueError as error:
            raise ValueError(f'{what} {position}: {error}') from error
    return tuple(texts)


def is_list(value: object) -> TypeGuard[Sequence[Any]]:
    """Tell whether a value is a list or tuple; a text is none."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _other_side(name: str) -> str:
    for side, other in (('_left', '_right'), ('_right', '_left')):
        if name.endswith(side):
            return name.removesuffix(side) + other
    return ''


def _span(first: int, last: int, part: str) -> range:
    if first > last:
        raise ValueError(f'{part!r} runs backwards: {first} .. {last}; the smaller number is first')
    return range(first, last + 1)


def _is_whole(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, Integral) or (isinstance(value, Real) and float(value).is_integer())


def _list(value: object) -> Sequence[Any]:
    if not is_list(value):
        raise ValueError(f'{value!r} is not a list')
    return value


def _pairs_from_lists(pairs: object) -> Pairs:
    found: list[tuple[int, int]] = []
    for pair in _list(pairs):
        if not is_list(pair) or len(pair) != 2 or not all(_is_whole(n) for n in pair):
            raise ValueError(f'{pair!r} is not a pair of whole landmark numbers')
        found.append((int(pair[0]) - 1, int(pair[1]) - 1))
    return tuple(found)
