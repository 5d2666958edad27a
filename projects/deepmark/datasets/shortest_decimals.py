# SPDX-License-Identifier: Apache-2.0
"""The shortest decimal number that gives back a float32, for whole arrays.

123.46 read into float32 is 123.45999908...; written with all its digits it would double the size of
a file and look like noise. Here it comes back as 123.46.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_MAX_DECIMALS = 9  # a float32 pixel coordinate has at most nine significant digits


def shortest_decimals(values: npt.NDArray[np.float32]) -> FloatArray:
    """The decimal of fewest places that rounds to each float32, as float64, which prints short.

    Args:
        values: finite numbers, any shape. -0 becomes 0.

    Example:
        >>> shortest_decimals(np.array([123.46, 750, 0.1], np.float32)).tolist()
        [123.46, 750.0, 0.1]
    """
    flat = np.asarray(values, np.float32).ravel()
    exact = flat.astype(np.float64) + 0.0
    result = exact.copy()
    open_rows = np.flatnonzero(exact != np.rint(exact))
    for places in range(1, _MAX_DECIMALS + 1):
        if not len(open_rows):
            break
        # A whole number over a power of ten: the quotient is the float64 nearest to the decimal.
        rounded = np.rint(exact[open_rows] * 10.0**places) / 10.0**places
        fits = rounded.astype(np.float32) == flat[open_rows]
        result[open_rows[fits]] = rounded[fits]
        open_rows = open_rows[~fits]
    if len(open_rows):  # tiny numbers: NumPy's own shortest text, one by one
        result[open_rows] = [float(str(value)) for value in flat[open_rows]]
    return result.reshape(np.shape(values))


def decimal_places(decimals: FloatArray) -> npt.NDArray[np.int64]:
    """How many places behind the point each number needs, at most nine.

    Example:
        >>> decimal_places(np.array([10.1, 7.0, 0.25])).tolist()
        [1, 0, 2]
    """
    places = np.full(decimals.shape, _MAX_DECIMALS)
    for count in range(_MAX_DECIMALS - 1, -1, -1):
        places[np.rint(decimals * 10.0**count) / 10.0**count == decimals] = count
    return places


def subtract_decimals(first: FloatArray, second: FloatArray) -> FloatArray:
    """``first - second`` as one does it on paper: 50.7 - 10.1 is 40.6, not 40.60000000000001.

    Example:
        >>> subtract_decimals(np.array([50.7]), np.array([10.1])).tolist()
        [40.6]
    """
    scale = 10.0 ** np.maximum(decimal_places(first), decimal_places(second))
    difference: FloatArray = np.rint((first - second) * scale) / scale
    return difference


def number_list(values: FloatArray) -> msgspec.Raw:
    """JSON text of a flat list, whole numbers without a decimal point.

    Example:
        >>> bytes(number_list(np.array([123.46, 750, 2])))
        b'[123.46,750,2]'
    """
    text = msgspec.json.encode(values.tolist())
    return msgspec.Raw(text.replace(b'.0,', b',').replace(b'.0]', b']'))
