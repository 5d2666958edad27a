# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2's native annotation of what a canvas shows.

How the fields are set (all from what was truly drawn; DeepFashion2 does not publish exact limits
for the levels, ours are stated here):

- ``landmarks``: x, y in pixels of the image, v = 2 visible, 1 covered by a later layer, by the
  person or because it lies on the far surface, 0 (with x = y = 0) outside the image.
- ``bounding_box``: x1, y1, x2, y2 of the garment inside the image, covered areas included.
- ``segmentation``: polygons of the visible area.
- ``scale``: 1, 2, 3 for a box of under 10 %, under 40 %, or more of the image's area.
- ``occlusion``: 1, 2, 3 for under 20 %, under 50 %, or more of the labelled landmarks covered.
- ``zoom_in``: 1, 2, 3 for no landmark, up to a third, or more of them outside the image.
- ``viewpoint``: 1 not worn, 2 from the front, 3 from the side or back.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deepmark.schema import get_schema

from .outfit import Worn
from .person import Person
from .raster import Canvas
from .templates import landmark_names

_VIEWPOINTS = {'flat': 1, 'front': 2, 'side': 3, 'back': 3}
MIN_VISIBLE_SHARE = 0.12
"""A garment of which less can be seen is not annotated."""
MIN_IMAGE_SHARE = 0.012
"""A garment whose visible area is a smaller part of the image is not annotated."""


def annotate(canvas: Canvas, persons: list[Person], pair_id: int) -> dict[str, Any]:
    """Annotation of an image: ``source``, ``pair_id`` and ``item1``, ``item2`` ..."""
    flat = all(person.body.view == 'flat' for person in persons)
    annotation: dict[str, Any] = {'source': 'shop' if flat else 'user', 'pair_id': pair_id}
    for person in persons:
        for index, worn in enumerate(person.worn):
            number = len(annotation) - 1
            item = _item(canvas, person, worn, person.first_owner + index)
            if item is not None:
                annotation[f'item{number}'] = {'style': number, **item}
    return annotation


def _item(canvas: Canvas, person: Person, worn: Worn, owner: int) -> dict[str, Any] | None:
    """One garment's entry, or None when too little of it can be seen."""
    full, visible = canvas.extent(owner), (canvas.owner == owner).astype(np.uint8)
    area, seen = int(np.count_nonzero(full)), int(np.count_nonzero(visible))
    pixels = canvas.width * canvas.height
    if seen < MIN_VISIBLE_SHARE * area or seen < MIN_IMAGE_SHARE * pixels:
        return None
    landmarks = _landmarks(canvas, person, worn, owner)
    visibility = landmarks[:, 2]
    labelled = int(np.count_nonzero(visibility))
    if labelled < 3:
        return None
    x, y, width, height = cv2.boundingRect(full)
    category_id = worn.garment.category_id
    schema = get_schema()
    category = schema.categories[schema.label_of(category_id)]
    return {
        'bounding_box': [x, y, x + width, y + height],
        'landmarks': [round(float(value), 2) for value in landmarks.ravel()],
        'segmentation': _polygons(visible),
        'scale': _level(width * height / pixels, 0.1, 0.4),
        'occlusion': _level(np.count_nonzero(visibility == 1) / labelled, 0.2, 0.5),
        'zoom_in': _level(1 - labelled / len(visibility), 1e-9, 1 / 3),
        'viewpoint': _VIEWPOINTS[person.body.view],
        'category_id': category_id,
        'category_name': category.name,
    }


def _landmarks(canvas: Canvas, person: Person, worn: Worn, owner: int) -> NDArray[np.float64]:
    """x, y, v of a garment's landmarks in the category's order, (K, 3)."""
    garment = worn.garment
    names = landmark_names(garment.category_id)
    points = person.placement(np.stack([garment.keypoints[name] for name in names]))
    covered = canvas.occluded(owner, points, [garment.on_parts[name] for name in names])
    limit = np.array([canvas.width - 1, canvas.height - 1])
    inside = np.all((points >= 0) & (points <= limit), axis=1)
    visibility = np.where(inside, np.where(covered, 1, 2), 0)
    return np.concatenate([points * inside[:, None], visibility[:, None]], axis=1)


def _polygons(visible: NDArray[np.uint8]) -> list[list[int]]:
    """Outer contours of an area as flat lists, tiny specks left out."""
    contours, _ = cv2.findContours(visible, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    simple = [cv2.approxPolyDP(c, 0.8, True).reshape(-1, 2) for c in contours]
    large = [c for c in simple if len(c) >= 3 and cv2.contourArea(c) >= 4]
    return [[int(value) for value in c.ravel()] for c in large]


def _level(share: float, low: float, high: float) -> int:
    """1 below ``low``, 2 below ``high``, else 3."""
    return 1 + int(share >= low) + int(share >= high)
