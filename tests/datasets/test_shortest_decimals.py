# SPDX-License-Identifier: Apache-2.0
"""Numbers as they were before they became float32."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deepmark.datasets.shortest_decimals import (
    decimal_places,
    number_list,
    shortest_decimals,
    subtract_decimals,
)

FLOAT32 = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20)


@given(FLOAT32)
@settings(max_examples=200, deadline=None)
def test_decimals_give_back_each_float32(values: list[float]) -> None:
    given_values = np.array(values, np.float32)
    decimals = shortest_decimals(given_values)
    np.testing.assert_array_equal(decimals.astype(np.float32), given_values)
    read_again = json.loads(bytes(number_list(decimals)))
    np.testing.assert_array_equal(np.array(read_again, np.float32), given_values)


@given(st.lists(st.integers(-999_999, 999_999), max_size=20), st.integers(0, 4))
@settings(max_examples=200, deadline=None)
def test_six_digits_come_back_as_they_were_written(numbers: list[int], places: int) -> None:
    """A float32 holds any decimal of six digits."""
    written = np.array([float(f'{number}e-{places}') for number in numbers])
    found = shortest_decimals(written.astype(np.float32))
    assert found.tolist() == written.tolist()


def test_shape_tiny_numbers_and_negative_zero() -> None:
    values = np.array([[1e-20, -0.0], [3.5e-7, 16777216]], np.float32)
    decimals = shortest_decimals(values)
    assert decimals.tolist() == [[1e-20, 0], [3.5e-7, 16777216]]
    assert bytes(number_list(decimals[0])) == b'[1e-20,0]'


def test_number_list_keeps_fractions() -> None:
    assert bytes(number_list(np.array([10.0, 10.05, 0.0, -3.0, 100.5]))) == b'[10,10.05,0,-3,100.5]'
    assert bytes(number_list(np.zeros(0))) == b'[]'


def test_subtraction_on_paper() -> None:
    first, second = np.array([50.7, 60.9, 5.0]), np.array([10.1, 20.35, -0.25])
    assert decimal_places(second).tolist() == [1, 2, 2]
    assert subtract_decimals(first, second).tolist() == [40.6, 40.55, 5.25]
