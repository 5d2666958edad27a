# SPDX-License-Identifier: Apache-2.0
"""Backbones."""

from deepmark.models.backbones.dla import DLANet
from deepmark.models.backbones.timm_backbone import TimmBackbone

__all__ = ['DLANet', 'TimmBackbone']
