# SPDX-License-Identifier: Apache-2.0
"""Heads; those of mmpose's kind only where mmpose is installed."""

from importlib.util import find_spec

from deepmark.models.heads.centernet_keypoint_head import CenterNetKeypointHead
from deepmark.models.heads.suppression import InferenceStrategy

__all__ = ['CenterNetKeypointHead', 'InferenceStrategy']

if find_spec('mmpose') is not None:
    from deepmark.models.heads.own_category_heatmap_head import OwnCategoryHeatmapHead
    from deepmark.models.heads.padded_yolox_pose_head import PaddedYOLOXPoseHead

    __all__ += ['OwnCategoryHeatmapHead', 'PaddedYOLOXPoseHead']
