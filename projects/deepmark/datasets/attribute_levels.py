# SPDX-License-Identifier: Apache-2.0
"""The attributes of a garment by which DeepFashion2's paper splits its results, with their levels.

An annotation states every attribute as 1, 2 or 3; the names of the levels follow that order.
0 stands for an attribute that is not stated. Source: DeepFashion2 (CVPR 2019), section 2 and
table 2; the data set's README for the numbers.
"""

from __future__ import annotations

ATTRIBUTE_LEVELS: dict[str, tuple[str, str, str]] = {
    'scale': ('small', 'moderate', 'large'),
    'occlusion': ('slight', 'medium', 'heavy'),
    'zoom_in': ('no', 'medium', 'large'),
    'viewpoint': ('no wear', 'frontal', 'side or back'),
}
UNKNOWN_LEVEL = 0
