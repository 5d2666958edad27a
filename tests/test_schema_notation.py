# SPDX-License-Identifier: Apache-2.0
"""The values of schema files and their short notation, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from deepmark.schema_notation import (
    complete_groups,
    parse_chains,
    parse_color,
    parse_groups,
    parse_numbers,
    parse_pairs,
    parse_text,
    parse_texts,
    parse_whole,
)


def test_pairs() -> None:
    assert parse_pairs('2-6 32:7-9') == ((1, 5), (6, 24), (7, 23), (8, 22))
    assert parse_pairs([[2, 6]]) == ((1, 5),)
    assert parse_pairs('9:4-4') == ((3, 4),)
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


@pytest.mark.parametrize('text', ['32:15-7', '2-6 32:15-7'])
def test_a_range_of_pairs_that_runs_backwards(text: str) -> None:
    with pytest.raises(ValueError, match=r"'32:15-7' runs backwards: 15 \.\. 7"):
        parse_pairs(text)


@pytest.mark.parametrize('text', ['9..7', '1-2 3-9..7-4'])
def test_a_range_of_a_chain_that_runs_backwards(text: str) -> None:
    with pytest.raises(ValueError, match=r"'9\.\.7' runs backwards: 9 \.\. 7"):
        parse_chains(text)


@pytest.mark.parametrize('text', ['5', '1-2 7..7'])
def test_a_chain_of_one_landmark_draws_nothing(text: str) -> None:
    with pytest.raises(ValueError, match='is a single landmark'):
        parse_chains(text)


@pytest.mark.parametrize(
    'color', ['ff8000', '#ff80', [1, 2], [0, 0, 256], [0, 0, 1.5], ['1', '2', '3'], None, 255]
)
def test_bad_colors(color: object) -> None:
    with pytest.raises(ValueError, match='is neither'):
        parse_color(color)


@pytest.mark.parametrize('pair', [[1, 2, 3], [1.5, 2], ['1', '2'], [True, 2], '12', 1])
def test_an_entry_that_is_no_pair(pair: object) -> None:
    for parse in (parse_pairs, parse_chains):
        with pytest.raises(ValueError, match='is not a pair of whole landmark numbers'):
            parse([[3, 4], pair])


@pytest.mark.parametrize('value', [5, None, {1: 2}])
def test_pairs_that_are_no_list(value: object) -> None:
    with pytest.raises(ValueError, match='is not a list'):
        parse_pairs(value)


def test_whole_numbers() -> None:
    assert [parse_whole(value) for value in (0, -3, 7.0, np.int64(5))] == [0, -3, 7, 5]
    for value in (3.7, '3', True, None, float('nan'), float('inf')):
        with pytest.raises(ValueError, match='is not a whole number'):
            parse_whole(value)


def test_numbers_are_named_by_their_position() -> None:
    assert parse_numbers([1, 0.5]) == (1.0, 0.5)
    for value in ('0.1', None, True, [0.1]):
        with pytest.raises(ValueError, match=r'landmark 2: .* is not a number'):
            parse_numbers([0.1, value], 'landmark')
    with pytest.raises(ValueError, match='landmark 1: the number is too large'):
        parse_numbers([10**400], 'landmark')
    for values in ('123', 0.1):
        with pytest.raises(ValueError, match='is not a list'):
            parse_numbers(values)


def test_texts_are_named_by_their_position() -> None:
    assert parse_texts(('heel', 'toe'), 'landmark') == ('heel', 'toe')
    for value in (5, '', ' ', None):
        with pytest.raises(ValueError, match='is not a text'):
            parse_text(value)
        with pytest.raises(ValueError, match=r'landmark 2: .* is not a text'):
            parse_texts(['heel', value], 'landmark')
    with pytest.raises(ValueError, match="'abc' is not a list"):
        parse_texts('abc')


def test_groups_go_on_from_the_last_number() -> None:
    assert parse_groups('a b 5:c d 4:e') == {0: 'a', 1: 'b', 4: 'c', 5: 'd', 3: 'e'}
    assert parse_groups(['a', 'b']) == {0: 'a', 1: 'b'}
    assert parse_groups('') == {}


@pytest.mark.parametrize('text', ['a-b', '7:', ':a', '7', 'a 7x', '7:8:a', '-1:a'])
def test_bad_groups(text: str) -> None:
    with pytest.raises(ValueError, match="is not of the form 'hem_left' or '7:hem_left'"):
        parse_groups(text)


@pytest.mark.parametrize('text', ['1:a 1:b', 'a b 2:c', '2:a 1:b c'])
def test_a_landmark_that_is_named_twice(text: str) -> None:
    with pytest.raises(ValueError, match=r'names landmark [12] a second time'):
        parse_groups(text)


def test_the_other_side_follows_from_the_flip_pairs() -> None:
    # Either side may be the one that is named, and the pairs may stand in either order.
    pairs = ((0, 3), (4, 1))
    named = {0: 'hem_left', 1: 'cuff_right', 2: 'top'}
    assert complete_groups(named, pairs, 5) == (
        'hem_left',
        'cuff_right',
        'top',
        'hem_right',
        'cuff_left',
    )
    assert complete_groups({}, pairs, 5) == ()


@pytest.mark.parametrize('name', ['hem', 'left_hem', 'left', 'hem_left_1'])
def test_a_name_without_a_side_has_no_other_side(name: str) -> None:
    with pytest.raises(ValueError, match='landmark 2 has none; name it'):
        complete_groups({0: name}, ((0, 1),), 2)
