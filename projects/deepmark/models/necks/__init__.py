# SPDX-License-Identifier: Apache-2.0
"""Necks; they return a tuple, finest level first."""

from deepmark.models.necks.dafe import DAFENeck
from deepmark.models.necks.dla_up import DLAUp
from deepmark.models.necks.top_down_fusion import TopDownFusion

__all__ = ['DAFENeck', 'DLAUp', 'TopDownFusion']
