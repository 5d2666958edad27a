# SPDX-License-Identifier: Apache-2.0
"""Fabrics: periodic tiles of cloth (plain, stripes, checks, dots, floral, denim, knit ...).

Images are BGR uint8. A tile is periodic, so that it can be laid over any area at any angle.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Color = tuple[int, int, int]
TILE = 96
"""Side of a tile in tile pixels."""

KINDS = (
    "plain", "plain", "plain", "stripes", "stripes", "checks", "dots", "floral", "denim", "knit",
    "marl", "gingham",
)  # fmt: skip


@dataclass(frozen=True)
class Fabric:
    """A cloth.

    Attributes:
        kind: One of `KINDS`.
        tile: (TILE, TILE, 3).
        base: Its main colour.
        accent: Colour of bands and buttons.
        period: Side of the tile on the garment, in torso lengths.
        angle: Direction of the pattern on the cloth, degrees.
    """

    kind: str
    tile: Image
    base: Color
    accent: Color
    period: float
    angle: float


def random_color(rng: np.random.Generator, muted: bool = False) -> Color:
    """A colour as clothes have it: often neutral, sometimes saturated."""
    hue = int(rng.integers(0, 180))
    neutral = rng.random() < (0.55 if muted else 0.35)
    saturation = int(rng.integers(0, 40) if neutral else rng.integers(60, 120 if muted else 215))
    value = int(rng.integers(60, 246) if muted else rng.choice([45, 90, 150, 200, 240]))
    value = int(np.clip(value + rng.integers(-25, 16), 20, 252))
    pixel = cv2.cvtColor(np.array([[[hue, saturation, value]]], np.uint8), cv2.COLOR_HSV2BGR)[0, 0]
    return int(pixel[0]), int(pixel[1]), int(pixel[2])


def contrasting(rng: np.random.Generator, base: Color) -> Color:
    """A second colour that can be told from the first."""
    for _ in range(8):
        other = random_color(rng)
        if sum(abs(a - b) for a, b in zip(other, base, strict=True)) > 130:
            return other
    return (245, 245, 245) if sum(base) < 380 else (30, 30, 30)


def random_fabric(rng: np.random.Generator, denim: bool = False) -> Fabric:
    """A random cloth; ``denim`` makes blue jeans likely."""
    kind = 'denim' if denim and rng.random() < 0.4 else str(rng.choice(KINDS))
    base = random_color(rng)
    accent = contrasting(rng, base)
    if kind == 'denim':
        value = int(rng.integers(60, 200))
        base = (value, int(value * 0.68), int(value * 0.42))
        accent = (60, 130, 190)
    tile: Image = np.empty((TILE, TILE, 3), np.uint8)
    tile[:] = base
    _PAINTERS[kind](tile, rng, base, accent)
    grain = rng.normal(0, 5, (TILE, TILE, 1))
    tile = np.clip(tile + grain, 0, 255).astype(np.uint8)
    angle = float(rng.choice([0, 90])) if kind == 'stripes' else float(rng.normal(0, 3))
    return Fabric(kind, tile, base, accent, float(rng.uniform(0.35, 0.7)), angle)


def _plain(tile: Image, rng: np.random.Generator, base: Color, accent: Color) -> None:
    """Nothing on it."""


def _stripes(tile: Image, rng: np.random.Generator, base: Color, accent: Color) -> None:
    step = TILE // int(rng.choice([3, 4, 6]))
    width = max(3, int(step * rng.uniform(0.2, 0.55)))
    for y in range(0, TILE, step):
        tile[y : y + width] = accent


def _checks(tile: Image, rng: np.random.Generator, base: Color, accent: Color) -> None:
    step = TILE // int(rng.choice([2, 3]))
    half = (np.array(base, np.float32) + accent) / 2
    for y in range(0, TILE, step):
        tile[y : y + step // 3] = half
        tile[:, y : y + step // 3] = half
    for y in range(0, TILE, step):
        for x in range(0, TILE, step):
            tile[y : y + step // 3, x : x + step // 3] = accent
        tile[y + step // 2 : y + step // 2 + 2] = accent


def _gingham(tile: Image, rng: np.random.Generator, base: Color, accent: Color) -> None:
    step = TILE // int(rng.choice([4, 6, 8]))
    on = (np.arange(TILE) // (step // 2)) % 2
    share = (on[:, None] + on[None, :])[..., None] / 2
    tile[:] = (1 - share) * np.array(base) + share * np.array(accent)


def _dots(tile: Image, rng: np.random.Generator, base: Color, accent: Color) -> None:
    step = TILE // int(rng.choice([3, 4]))
    radius = int(step * rng.uniform(0.16, 0.3))
    for row, y in enumerate(range(step // 2, TILE, step)):
        for x in range(step // 2 + (row % 2) * step // 4, TILE, step):
            cv2.circle(tile, (x, y), radius, accent, -1, cv2.LINE_AA)


def _floral(tile: Image, rng: np.random.Generator, base: Color, accent: Color) -> None:
    colors = (accent, random_color(rng), (70, 140, 70))
    for _ in range(int(rng.integers(6, 12))):
        x, y = rng.integers(0, TILE, 2)
        radius = int(rng.integers(4, 9))
        color = colors[int(rng.integers(0, 3))]
        for petal in range(5):
            angle = petal * 1.2566
            dx, dy = int(radius * np.cos(angle)), int(radius * np.sin(angle))
            _wrapped_circle(tile, int(x) + dx, int(y) + dy, max(2, radius // 2), color)
        _wrapped_circle(tile, int(x), int(y), max(1, radius // 3), (80, 200, 235))


def _wrapped_circle(tile: Image, x: int, y: int, radius: int, color: Color) -> None:
    """A disc on a tile without borders."""
    for dx in (-TILE, 0, TILE):
        for dy in (-TILE, 0, TILE):
            if -radius <= x + dx < TILE + radius and -radius <= y + dy < TILE + radius:
                cv2.circle(tile, (x + dx, y + dy), radius, color, -1, cv2.LINE_AA)


def _denim(tile: Image, rng: np.random.Generator, base: Color, accent: Color) -> None:
    y, x = np.mgrid[0:TILE, 0:TILE]
    twill = 14 * np.sin(2 * np.pi * (x + 2 * y) / 8)
    mottle = cv2.resize(rng.normal(0, 14, (12, 12)), (TILE, TILE), interpolation=cv2.INTER_CUBIC)
    tile[:] = np.clip(tile + (twill + mottle)[..., None], 0, 255)


def _knit(tile: Image, rng: np.random.Generator, base: Color, accent: Color) -> None:
    y, x = np.mgrid[0:TILE, 0:TILE]
    count = int(rng.choice([8, 12]))
    wave = np.abs(np.sin(np.pi * count * x / TILE)) * (
        0.8 + 0.2 * np.sin(2 * np.pi * 12 * y / TILE)
    )
    tile[:] = np.clip(tile * (0.72 + 0.3 * wave[..., None]), 0, 255)


def _marl(tile: Image, rng: np.random.Generator, base: Color, accent: Color) -> None:
    noise = cv2.GaussianBlur(rng.normal(0, 60, (TILE, TILE)), (5, 1), 0)
    tile[:] = np.clip(tile + noise[..., None], 0, 255)


_PAINTERS = {
    'plain': _plain,
    'stripes': _stripes,
    'checks': _checks,
    'gingham': _gingham,
    'dots': _dots,
    'floral': _floral,
    'denim': _denim,
    'knit': _knit,
    'marl': _marl,
}


def lay(fabric: Fabric, width: int, height: int, scale: float, angle: float) -> Image:
    """Cloth of (height, width, 3) pixels.

    Args:
        fabric: The cloth.
        width: Pixels.
        height: Pixels.
        scale: Pixels in one torso length.
        angle: Degrees by which the cloth is turned.
    """
    zoom = max(fabric.period * scale / TILE, 0.05)
    matrix = cv2.getRotationMatrix2D((0.0, 0.0), fabric.angle + angle, zoom)
    cloth: Image = cv2.warpAffine(
        fabric.tile, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    return cloth


def folds(
    rng: np.random.Generator, width: int, height: int, strength: float
) -> NDArray[np.float32]:
    """Smooth light and dark folds, mostly vertical, around 0: (height, width)."""
    coarse = rng.normal(0, 1, (4, 9)).astype(np.float32)
    fine = rng.normal(0, 0.5, (9, 14)).astype(np.float32)
    size = (max(width, 1), max(height, 1))
    field: NDArray[np.float32] = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    field += cv2.resize(fine, size, interpolation=cv2.INTER_CUBIC)
    return field * np.float32(strength)
