# SPDX-License-Identifier: Apache-2.0
"""Objects to maps and back."""

from deepmark.codecs.center_keypoint_codec import CenterKeypointCodec, Detections, MapReader
from deepmark.codecs.targets import CenterKeypointTargets, Garments

__all__ = ['CenterKeypointCodec', 'CenterKeypointTargets', 'Detections', 'Garments', 'MapReader']
