# SPDX-License-Identifier: Apache-2.0
"""The short notation of schema files, by hand."""

from __future__ import annotations

import pytest

from deepmark.schema_notation import parse_chains, parse_color, parse_pairs


def test_pairs() -> None:
    assert parse_pairs('2-6 32:7-9') == ((1, 5), (6, 24), (7, 23), (8, 22))
    assert parse_pairs([[2, 6]]) == ((1, 5),)
    assert parse_pairs('') == ()


def test_chains() -> None:
    assert parse_chains('2-1-6 7..9') == ((1, 0), (0, 5), (6, 7), (7, 8))
    assert parse_chains('4..6-1') == ((3, 4), (4, 5), (5, 0))
    assert parse_chains([[1, 2]]) == ((0, 1),)


def test_colors() -> None:
    assert parse_color('#ff8000') == (255, 128, 0)
    assert parse_color([0, 1, 255]) == (0, 1, 255)


@pytest.mark.parametrize('text', ['2', '2-', '2-6-7', 'a-b', '32:7'])
def test_bad_pairs(text: str) -> None:
    with pytest.raises(ValueError, match='is not of the form'):
        parse_pairs(text)


@pytest.mark.parametrize('text', ['1-', '1..', '1--2', 'x'])
def test_bad_chains(text: str) -> None:
    with pytest.raises(ValueError, match='is not of the form'):
        parse_chains(text)


@pytest.mark.parametrize('color', ['ff8000', '#ff80', [1, 2], [0, 0, 256]])
def test_bad_colors(color: object) -> None:
    with pytest.raises(ValueError, match='is neither'):
        parse_color(color)  # type: ignore[arg-type]


def test_a_list_that_is_no_pair() -> None:
    with pytest.raises(ValueError, match='is not a pair'):
        parse_pairs([[1, 2, 3]])
