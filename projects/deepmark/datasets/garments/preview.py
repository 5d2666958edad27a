# SPDX-License-Identifier: Apache-2.0
"""A picture of the 13 categories with their landmarks numbered, to compare with DeepFashion2's."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deepmark.schema import get_schema

from .backgrounds import plain_background
from .body import Body, random_body
from .geometry import Points
from .outfit import Worn, build
from .person import Person, paint_person
from .raster import Canvas, Placement
from .templates import CUTS, landmark_names
from .textures import random_fabric

_COLORS = ((40, 40, 220), (40, 160, 40))
"""Occluded, visible (BGR)."""


def draw_category(
    category_id: int, seed: int, size: int = 420, view: str = 'flat'
) -> NDArray[np.uint8]:
    """One category alone on a plain ground, its landmarks numbered from 1, (size, size, 3)."""
    rng = np.random.default_rng([seed, category_id])
    body = random_body(rng, view) if view != 'flat' else Body('flat', arms=(24, 24), legs=(5, 5))
    garment = build(category_id, body, rng)
    names = landmark_names(category_id)
    points = np.stack([garment.keypoints[name] for name in names])
    low, high = points.min(axis=0), points.max(axis=0)
    scale = 0.78 * size / float(max(high - low))
    shift = 0.5 * size - scale * 0.5 * (low + high) + np.array([0, 0.03 * size])
    matrix = np.concatenate([scale * np.eye(2), shift[:, None]], axis=1)
    canvas = Canvas(plain_background(rng, size))
    worn = [Worn(garment, random_fabric(rng, denim=category_id in (7, 8)), 0)]
    person = Person(body, worn, Placement(matrix, scale), 0.0, 0)
    person.skin = person.hair = (176, 178, 182)
    paint_person(canvas, person)
    image = np.clip(canvas.image, 0, 255).astype(np.uint8)
    pixels = person.placement(points)
    covered = canvas.occluded(0, pixels, [garment.on_parts[name] for name in names])
    return _numbered(image, pixels, covered, category_id)


def _numbered(
    image: NDArray[np.uint8],
    points: Points,
    covered: NDArray[np.bool_],
    category_id: int,
) -> NDArray[np.uint8]:
    """Draw dots, numbers and the category's name."""
    schema = get_schema()
    name = schema.categories[schema.label_of(category_id)].name
    cv2.putText(
        image,
        f'{category_id} {name}',
        (6, 20),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.6,
        (0, 0, 0),
        3,
        cv2.LINE_AA,
    )
    cv2.putText(
        image,
        f'{category_id} {name}',
        (6, 20),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.6,
        (255, 255, 255),
        1,
        cv2.LINE_AA,
    )
    for number, (position, hidden) in enumerate(zip(points, covered, strict=True), start=1):
        x, y = (int(v) for v in np.rint(position))
        cv2.circle(image, (x, y), 4, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(image, (x, y), 3, _COLORS[int(not hidden)], -1, cv2.LINE_AA)
        for color, thick in (((255, 255, 255), 3), ((0, 0, 0), 1)):
            cv2.putText(
                image,
                str(number),
                (x + 4, y - 3),
                cv2.FONT_HERSHEY_SIMPLEX,
                0.4,
                color,
                thick,
                cv2.LINE_AA,
            )
    return image


def write_preview(path: str | os.PathLike[str], seed: int = 0) -> Path:
    """Write all categories, laid flat and worn, as one PNG.

    Raises:
        OSError: the file cannot be written.
    """
    flat = [draw_category(c, seed) for c in CUTS]
    worn = [draw_category(c, seed, view='front') for c in CUTS]
    tiles = [tile for pair in zip(flat, worn, strict=True) for tile in pair]
    columns = 6
    blank = np.full_like(tiles[0], 255)
    tiles += [blank] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    target = Path(path)
    partial = target.with_name(f'.{target.stem}.partial.png')
    if not cv2.imwrite(str(partial), np.vstack(rows)):
        raise OSError(f'cannot write {target}')
    partial.replace(target)
    return target
