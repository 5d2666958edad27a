# SPDX-License-Identifier: Apache-2.0
"""Backgrounds and clutter behind the garments, and objects that cover them. BGR images."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .geometry import Points, curve, ellipse, point
from .raster import Canvas
from .textures import lay, random_color, random_fabric


def plain_background(rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """A shop's backdrop: nearly uniform, a little shaded."""
    base = rng.uniform(150, 252) if rng.random() < 0.8 else rng.uniform(40, 150)
    color = np.clip(base + rng.normal(0, 10, 3), 0, 255)
    slope = np.linspace(-1, 1, size)[:, None, None] * rng.uniform(-22, 22)
    return np.clip(color + slope + np.zeros((size, size, 1)), 0, 255).astype(np.uint8)


def cluttered_background(rng: np.random.Generator, size: int, clutter: float) -> NDArray[np.uint8]:
    """A room or street out of focus: wall, floor, furniture, pictures, patterned surfaces."""
    noise = rng.normal(0, 1, (5, 5, 3)) * (8, 8, 8) + rng.normal(0, 14, (5, 5, 1))
    wall = np.array(random_color(rng, muted=True)) + cv2.resize(
        noise, (size, size), interpolation=cv2.INTER_CUBIC
    )
    image: NDArray[np.uint8] = np.clip(wall, 0, 255).astype(np.uint8)
    if rng.random() < 0.35 * clutter:
        cloth = lay(
            random_fabric(rng), size, size, size * rng.uniform(0.4, 1.4), rng.uniform(0, 180)
        )
        image = cv2.addWeighted(image, 0.55, cloth, 0.45, 0)
    if rng.random() < 0.7:
        floor = int(size * rng.uniform(0.6, 0.92))
        image[floor:] = np.clip(
            np.array(random_color(rng, muted=True)) + rng.normal(0, 5, (size - floor, size, 1)),
            0,
            255,
        )
    for _ in range(int(rng.integers(2, 4 + round(10 * clutter)))):
        _thing(image, rng, size)
    focus = float(rng.choice([0.0, 0.8, 2.0]))
    if focus:
        image = cv2.GaussianBlur(image, (0, 0), focus * size / 256)
    return image


def _thing(image: NDArray[np.uint8], rng: np.random.Generator, size: int) -> None:
    """One piece of furniture, a picture, a pole, a lamp or a plant."""
    color = random_color(rng, muted=True)
    x, y = rng.integers(-size // 8, size, 2)
    w, h = (size * rng.uniform(0.05, 0.4, 2)).astype(int) + 2
    kind = rng.choice(4, p=[0.45, 0.2, 0.2, 0.15])
    if kind == 0:
        cv2.rectangle(image, (int(x), int(y)), (int(x + w), int(y + h)), color, -1)
        border = tuple(int(c * 0.6) for c in color)
        cv2.rectangle(
            image, (int(x), int(y)), (int(x + w), int(y + h)), border, max(1, size // 128)
        )
    elif kind == 1:
        cv2.ellipse(
            image,
            (int(x), int(y)),
            (int(w // 2) + 1, int(h // 2) + 1),
            float(rng.uniform(0, 180)),
            0,
            360,
            color,
            -1,
            cv2.LINE_AA,
        )
    elif kind == 2:
        end = (int(x + rng.integers(-size, size)), int(y + rng.integers(-size, size)))
        cv2.line(
            image,
            (int(x), int(y)),
            end,
            color,
            max(1, int(size * rng.uniform(0.005, 0.05))),
            cv2.LINE_AA,
        )
    else:
        leaves = rng.normal((x, y), size * 0.06, (14, 2)).astype(int)
        green = tuple(
            int(c) for c in np.clip(np.array((60, 120, 60)) + rng.normal(0, 30, 3), 0, 255)
        )
        for leaf in leaves:
            angle = float(rng.uniform(0, 180))
            cv2.ellipse(
                image,
                (int(leaf[0]), int(leaf[1])),
                (max(2, size // 22), max(1, size // 60)),
                angle,
                0,
                360,
                green,
                -1,
                cv2.LINE_AA,
            )


def draw_occluder(canvas: Canvas, rng: np.random.Generator, around: Points, scale: float) -> None:
    """Something in front of the garments: a bag, a phone, a box, a cup, a plant, a railing.

    Args:
        canvas: The picture.
        rng: Source of randomness.
        around: Landmarks (K, 2) in image pixels; one of them is near the object's centre.
        scale: Pixels in one torso length.
    """
    center = around[int(rng.integers(len(around)))] + rng.normal(0, 0.12 * scale, 2)
    color = random_color(rng, muted=bool(rng.random() < 0.5))
    kind = rng.choice(['bag', 'box', 'disc', 'pole', 'blob'], p=[0.4, 0.22, 0.13, 0.1, 0.15])
    if kind == 'bag':
        w, h = scale * rng.uniform(0.12, 0.2), scale * rng.uniform(0.1, 0.18)
        top = center + point(
            -0.4 * w + rng.normal(0, 0.12 * scale), -scale * rng.uniform(0.35, 0.8)
        )
        strap = curve(center + point(-w, -h), top, center + point(w, -h))
        canvas.paint([strap[:3]], color, strokes=[(strap, max(2.0, 0.02 * scale))], light=0.1)
        canvas.paint([_box(center, w, h, rng.normal(0, 6))], color)
        flap = _box(center - point(0, 0.45 * h), w, 0.5 * h, 0.0)
        canvas.paint([flap], tuple(int(0.8 * c) for c in color))  # type: ignore[arg-type]
    elif kind == 'box':
        w, h = scale * rng.uniform(0.06, 0.24, 2)
        canvas.paint([_box(center, w, h, rng.uniform(-25, 25))], color, light=0.12)
    elif kind == 'disc':
        canvas.paint([ellipse(center, *(scale * rng.uniform(0.06, 0.17, 2)))], color)
    elif kind == 'pole':
        tilt = point(scale * rng.normal(0, 0.25), 3 * scale)
        canvas.paint(
            [],
            color,
            strokes=[(np.stack([center - tilt, center + tilt]), scale * rng.uniform(0.025, 0.07))],
        )
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, 7))
        radii = scale * rng.uniform(0.07, 0.2, 7)
        blob = center + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        canvas.paint([curve(*blob, blob[0])], color)


def _box(center: Points, half_w: float, half_h: float, angle: float) -> Points:
    """Corners of a turned rectangle, (4, 2)."""
    a = np.radians(angle)
    corners: Points = np.array(
        [[-half_w, -half_h], [half_w, -half_h], [half_w, half_h], [-half_w, half_h]]
    )
    turn: Points = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    return np.asarray(center + corners @ turn)
