# SPDX-License-Identifier: Apache-2.0
"""Where the landmarks of a category lie on a garment that nobody has labelled yet.

Used for the picture that CVAT shows of a skeleton and as the place of landmarks that are not
labelled, which the tool keeps (hidden) because a skeleton has all its points.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from deepmark.datasets.garments.body import Body
from deepmark.datasets.garments.outfit import build
from deepmark.datasets.garments.templates import landmark_names
from deepmark.schema import DEEPFASHION2, LandmarkSchema

FloatArray = npt.NDArray[np.float64]


def skeleton_layout(schema: LandmarkSchema, label: int) -> FloatArray:
    """(K_c, 2) x, y in 0 .. 1, the garment's box filling the square.

    DeepFashion2's categories have the form of a drawn garment laid flat; those of another schema
    stand on an ellipse, the first at the top, in the direction of the first one's neighbours in
    DeepFashion2 (counter-clockwise).
    """
    if schema == DEEPFASHION2:
        return _filled(_drawn_garment(label))
    count = int(schema.num_keypoints[label])
    angles = -np.pi / 2 - 2 * np.pi * np.arange(count) / count
    return _filled(np.column_stack([np.cos(angles), np.sin(angles)]))


@lru_cache(maxsize=32)
def _drawn_garment(label: int) -> FloatArray:
    category_id = DEEPFASHION2.categories[label].category_id
    flat = Body('flat', arms=(24, 24), legs=(5, 5))
    garment = build(category_id, flat, np.random.default_rng(category_id))
    return np.stack([garment.keypoints[name] for name in landmark_names(category_id)])


def _filled(points: FloatArray) -> FloatArray:
    """Moved and stretched to 0 .. 1 along both axes; a single point lies in the middle."""
    low, high = points.min(axis=0), points.max(axis=0)
    flat = high - low < 1e-9
    filled: FloatArray = np.where(flat, 0.5, (points - low) / np.where(flat, 1, high - low))
    return filled
