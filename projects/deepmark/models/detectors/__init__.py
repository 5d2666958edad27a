# SPDX-License-Identifier: Apache-2.0
"""Detectors; those of mmpose's kind only where mmpose is installed."""

from importlib.util import find_spec

from deepmark.models.detectors.deepmark import DeepMark

__all__ = ['DeepMark']

if find_spec('mmpose') is not None:
    from deepmark.models.detectors.padded_pose_estimator import PaddedPoseEstimator

    __all__ += ['PaddedPoseEstimator']
