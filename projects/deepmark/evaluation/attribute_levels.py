# SPDX-License-Identifier: Apache-2.0
"""The levels by which results are split; their names belong to the data set."""

from __future__ import annotations

from deepmark.datasets.attribute_levels import ATTRIBUTE_LEVELS, UNKNOWN_LEVEL

__all__ = ['ATTRIBUTE_LEVELS', 'UNKNOWN_LEVEL']
