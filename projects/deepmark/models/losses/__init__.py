# SPDX-License-Identifier: Apache-2.0
"""Losses of the heatmap and regression branches; mmpose's kind only where mmpose is installed."""

from importlib.util import find_spec

from deepmark.models.losses.masked_l1_loss import MaskedL1Loss
from deepmark.models.losses.sparse_focal_loss import SparseFocalLoss, sparse_focal_loss

__all__ = ['MaskedL1Loss', 'SparseFocalLoss', 'sparse_focal_loss']

if find_spec('mmpose') is not None:
    from deepmark.models.losses.landmark_unit_oks import LandmarkUnitOKS, LandmarkUnitOKSLoss

    __all__ += ['LandmarkUnitOKS', 'LandmarkUnitOKSLoss']
