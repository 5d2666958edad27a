# SPDX-License-Identifier: Apache-2.0
"""Compose an image: background, persons or flat garments, objects in front, camera."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .annotate import annotate
from .backgrounds import cluttered_background, draw_occluder, plain_background
from .body import Body, random_body
from .config import GarmentConfig, GarmentError
from .geometry import Points
from .outfit import BOTTOMS, Worn, build, random_category, random_outfit
from .person import Person, paint_person
from .raster import Canvas, Placement
from .textures import random_fabric

_ATTEMPTS = 30


def render_scene(
    seed: int, index: int, split: str = 'train', config: GarmentConfig | None = None
) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """Draw image ``index`` of a split; it depends on nothing but the arguments.

    Args:
        seed: Seed of the data set.
        index: Number of the image, from 1.
        split: Name of the split.
        config: Settings.

    Returns:
        The image (size, size, 3), BGR, and its annotation in DeepFashion2's native layout.

    Raises:
        GarmentError: with these settings hardly any garment can be seen.
    """
    config = config or GarmentConfig()
    rng = np.random.default_rng([seed, zlib.crc32(split.encode()), index])
    for _ in range(_ATTEMPTS):
        image, annotation = _compose(rng, config, pair_id=index)
        if 'item1' in annotation:
            return image, annotation
    raise GarmentError(
        f'{_ATTEMPTS} trials gave no garment large enough to annotate: '
        f'raise fill ({config.fill}) or lower occluders ({config.occluders})'
    )


def _compose(
    rng: np.random.Generator, config: GarmentConfig, pair_id: int
) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    size = config.size
    if rng.random() < config.plain:
        canvas = Canvas(plain_background(rng, size))
    else:
        canvas = Canvas(cluttered_background(rng, size, config.clutter))
    flat = bool(rng.random() < config.flat)
    count = 2 if rng.random() < config.second_person else 1
    persons: list[Person] = []
    for slot in range(count):
        owners = sum(len(person.worn) for person in persons)
        person = _person(rng, config, flat, slot, count, owners)
        paint_person(canvas, person)
        persons.append(person)
    for person in persons:
        around = person.placement(_landmarks(person.worn))
        for _ in range(int(rng.poisson(config.occluders * (0.4 if flat else 1.0)))):
            draw_occluder(canvas, rng, around, person.placement.scale)
    return _camera(canvas.image, rng, config), annotate(canvas, persons, pair_id)


def _person(
    rng: np.random.Generator, config: GarmentConfig, flat: bool, slot: int, count: int, owners: int
) -> Person:
    """A pose, an outfit and a place in the image."""
    view = 'flat' if flat else _view(rng, config)
    body = random_body(rng, view)
    if flat:
        worn = _flat_garment(body, rng)
    else:
        body, worn = random_outfit(body, rng)
    angle = float(rng.normal(0, 12 if flat else 4))
    placement = _place(rng, config, _landmarks(worn), angle, slot, count, flat)
    person = Person(body, worn, placement, angle, owners)
    person.choose_looks(rng)
    return person


def _view(rng: np.random.Generator, config: GarmentConfig) -> str:
    rest = 1 - config.side - config.back
    return str(rng.choice(['front', 'side', 'back'], p=[rest, config.side, config.back]))


def _flat_garment(body: Body, rng: np.random.Generator) -> list[Worn]:
    """One garment laid out, hanging, or cut out in a shop's picture."""
    category = random_category(rng)
    fabric = random_fabric(rng, denim=category in BOTTOMS)
    return [Worn(build(category, replace(body, lean=0.0), rng), fabric, 0)]


def _landmarks(worn: list[Worn]) -> Points:
    """All landmarks of an outfit, body frame."""
    return np.concatenate([np.stack(list(w.garment.keypoints.values())) for w in worn])


def _place(
    rng: np.random.Generator, config: GarmentConfig, points: Points, angle: float, slot: int,
    count: int, flat: bool,
) -> Placement:  # fmt: skip
    """Rotate, scale to the wanted share of the image and shift."""
    a = np.radians(angle)
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    turned = points @ turn.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    extent = float(max(high - low))
    fill = float(rng.uniform(*config.fill)) * config.size
    if count > 1:
        fill *= 0.62 if flat else 0.85
    elif not flat and rng.random() < config.close_up:
        fill *= float(rng.uniform(1.15, 1.7))
    scale = fill / extent
    slack = np.maximum(config.size - scale * (high - low), 0.06 * config.size)
    center = 0.5 * config.size + slack * rng.uniform(-0.42, 0.42, 2)
    if count > 1:
        center[0] = config.size * (0.29 + 0.42 * slot + rng.normal(0, 0.03))
    shift = center - scale * 0.5 * (low + high)
    return Placement(np.concatenate([scale * turn, shift[:, None]], axis=1), scale)


def _camera(
    image: NDArray[np.float32], rng: np.random.Generator, config: GarmentConfig
) -> NDArray[np.uint8]:
    """Exposure, colour cast, slight blur and sensor noise."""
    gain = rng.uniform(0.86, 1.1) * rng.uniform(0.95, 1.05, 3)
    blur = float(rng.choice([0.0, 0.0, 0.5, 0.8])) * config.size / 256
    if blur:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    noise = rng.standard_normal((config.size, config.size, 1), dtype=np.float32)
    exposed = image * gain.astype(np.float32) + noise * config.noise
    return np.clip(exposed, 0, 255).astype(np.uint8)
