# SPDX-License-Identifier: Apache-2.0
"""One way from what models return to NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def as_array(values: Any) -> npt.NDArray[Any]:
    """Array of a tensor (on any device, of any precision), a box structure or an array.

    Floating-point tensors come back as float32: NumPy has no bfloat16.
    """
    values = getattr(values, 'tensor', values)
    if hasattr(values, 'detach'):
        values = values.detach().float().cpu() if values.is_floating_point() else values.cpu()
    return np.asarray(values)
