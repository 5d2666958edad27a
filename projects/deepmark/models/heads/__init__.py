# SPDX-License-Identifier: Apache-2.0
"""Heads."""

from deepmark.models.heads.centernet_keypoint_head import CenterNetKeypointHead
from deepmark.models.heads.suppression import InferenceStrategy

__all__ = ['CenterNetKeypointHead', 'InferenceStrategy']
