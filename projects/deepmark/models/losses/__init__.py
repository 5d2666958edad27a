# SPDX-License-Identifier: Apache-2.0
"""Losses of the heatmap and regression branches."""

from deepmark.models.losses.masked_l1_loss import MaskedL1Loss
from deepmark.models.losses.sparse_focal_loss import SparseFocalLoss, sparse_focal_loss

__all__ = ['MaskedL1Loss', 'SparseFocalLoss', 'sparse_focal_loss']
