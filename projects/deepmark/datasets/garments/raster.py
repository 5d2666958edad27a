# SPDX-License-Identifier: Apache-2.0
"""The canvas: layers are painted from back to front; the canvas remembers what covers what.

Frame: image pixels, the centre of pixel i at coordinate i (the convention of `cv2.warpAffine` and
of cv2's drawing functions). Images are BGR.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .garment import Part
from .geometry import Points
from .textures import Color, Fabric, folds, lay

_SHIFT = 4
NOBODY = -1


@dataclass(frozen=True)
class Placement:
    """Body frame to image pixels: ``xy_img = matrix @ (x, y, 1)``; ``scale`` pixels a unit."""

    matrix: NDArray[np.float64]
    scale: float

    def __call__(self, points: Points) -> Points:
        """Body frame (N, 2) to image pixels (N, 2)."""
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]


@dataclass
class Layer:
    """A painted layer: its opaque area, and whose it is.

    Attributes:
        owner: Number of the garment in the image, or `NOBODY`.
        part: Name of the garment's part.
        mask: (h, w) uint8 coverage of the area from ``x0``, ``y0``.
    """

    owner: int
    part: str
    mask: NDArray[np.uint8]
    x0: int
    y0: int

    def covers(self, points: Points) -> NDArray[np.bool_]:
        """Which points (K, 2) lie under this layer, (K,)."""
        x = np.rint(points[:, 0]).astype(int) - self.x0
        y = np.rint(points[:, 1]).astype(int) - self.y0
        height, width = self.mask.shape
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        covered: NDArray[np.bool_] = (
            self.mask[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)] > 127
        )
        return inside & covered


def fixed(points: Points, x0: float = 0, y0: float = 0) -> NDArray[np.int32]:
    """Points as cv2's fixed-point coordinates relative to an origin."""
    return np.asarray(np.rint((points - (x0, y0)) * (1 << _SHIFT)), np.int32)


class Canvas:
    """The picture being painted.

    Attributes:
        image: (H, W, 3) float32, 0..255.
        owner: (H, W) int16, the garment seen at each pixel, or `NOBODY`.
        layers: All layers from back to front.
    """

    def __init__(self, background: NDArray[np.uint8]) -> None:
        self.image = background.astype(np.float32)
        self.height, self.width = background.shape[:2]
        self.owner = np.full((self.height, self.width), NOBODY, np.int16)
        self.layers: list[Layer] = []

    def mask(
        self, polygons: list[Points], strokes: list[tuple[Points, float]]
    ) -> tuple[NDArray[np.uint8], int, int] | None:
        """Coverage of the union of shapes in image pixels, cut to the image; None if outside."""
        everything = np.concatenate([*polygons, *(line for line, _ in strokes)])
        extent = float(np.ptp(everything, axis=0).min())
        reach = 3 + max([_softness(extent), *(width for _, width in strokes)])
        low = np.floor(everything.min(axis=0) - reach).astype(int)
        high = np.ceil(everything.max(axis=0) + reach).astype(int)
        x0, y0 = max(low[0], 0), max(low[1], 0)
        x1, y1 = min(high[0], self.width), min(high[1], self.height)
        if x1 - x0 < 2 or y1 - y0 < 2:
            return None
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        for polygon in polygons:
            cv2.fillPoly(mask, [fixed(polygon, x0, y0)], 255, cv2.LINE_AA, _SHIFT)
        for line, width in strokes:
            thick = max(1, round(width))
            cv2.polylines(mask, [fixed(line, x0, y0)], False, 255, thick, cv2.LINE_AA, _SHIFT)
        return mask, int(x0), int(y0)

    def blend(
        self, mask: NDArray[np.uint8], x0: int, y0: int, colors: NDArray[np.float32] | Color,
        shadow: NDArray[np.float32] | None = None,
    ) -> None:  # fmt: skip
        """Paint colours through a mask, optionally darkening the surroundings first."""
        height, width = mask.shape
        view = self.image[y0 : y0 + height, x0 : x0 + width]
        if shadow is not None:
            view *= (1 - shadow)[..., None]
        alpha = mask.astype(np.float32)[..., None] * (1 / 255)
        view += alpha * (np.asarray(colors, np.float32) - view)

    def paint(
        self, polygons: list[Points], color: Color, owner: int = NOBODY, part: str = "",
        light: float = 0.25, strokes: list[tuple[Points, float]] | None = None,
    ) -> None:  # fmt: skip
        """Paint a plain, softly lit shape (skin, hair, bags) as a layer of its own."""
        found = self.mask(polygons, strokes or [])
        if found is None:
            return
        mask, x0, y0 = found
        soft, lit = _lighting(mask, light)
        colors = np.clip(lit[..., None] * np.asarray(color, np.float32), 0, 255)
        self.blend(mask, x0, y0, colors, 0.22 * soft)
        self._record(Layer(owner, part, mask, x0, y0))

    def paint_part(
        self, part: Part, owner: int, fabric: Fabric, placement: Placement, angle: float,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        """Paint one part of a garment: cloth, light, folds, bands, seams, buttons."""
        strokes = [(placement(line), width * placement.scale) for line, width in part.strokes]
        found = self.mask([placement(p) for p in part.polygons], strokes)
        if found is None:
            return
        mask, x0, y0 = found
        height, width = mask.shape
        cloth = lay(fabric, width, height, placement.scale, angle + part.angle).astype(np.float32)
        self._trim(cloth, part, fabric, placement, (x0, y0))
        soft, lit = _lighting(mask, 0.35)
        lit = (lit + folds(rng, width, height, 0.045)) * part.shade
        self.blend(mask, x0, y0, np.clip(cloth * lit[..., None], 0, 255), 0.28 * soft)
        self._record(Layer(owner, part.name, mask, x0, y0))

    def _trim(
        self, cloth: NDArray[np.float32], part: Part, fabric: Fabric, placement: Placement,
        origin: tuple[int, int],
    ) -> None:  # fmt: skip
        """Draw bands, seams and buttons on the cloth before it is cut out."""
        band = tuple(0.72 * c if sum(fabric.base) > 200 else 1.5 * c + 20 for c in fabric.base)
        for outline in part.bands:
            cv2.fillPoly(cloth, [fixed(placement(outline), *origin)], band, cv2.LINE_AA, _SHIFT)
        seam = tuple(0.5 * c for c in fabric.base)
        thick = max(1, round(0.008 * placement.scale))
        for line in part.seams:
            points = fixed(placement(line), *origin)
            cv2.polylines(cloth, [points], False, seam, thick, cv2.LINE_AA, _SHIFT)
        for dot in part.dots:
            center = fixed(placement(dot[None]), *origin)[0]
            radius = max(16, int(0.012 * placement.scale * 16))
            at = (int(center[0]), int(center[1]))
            cv2.circle(cloth, at, radius, fabric.accent, -1, cv2.LINE_AA, _SHIFT)

    def _record(self, layer: Layer) -> None:
        height, width = layer.mask.shape
        view = self.owner[layer.y0 : layer.y0 + height, layer.x0 : layer.x0 + width]
        view[layer.mask > 127] = layer.owner
        self.layers.append(layer)

    def extent(self, owner: int) -> NDArray[np.uint8]:
        """All of a garment inside the image, seen or covered, (H, W) uint8 0 or 255."""
        full = np.zeros((self.height, self.width), np.uint8)
        for layer in self.layers:
            if layer.owner == owner:
                height, width = layer.mask.shape
                view = full[layer.y0 : layer.y0 + height, layer.x0 : layer.x0 + width]
                np.maximum(view, (layer.mask > 127).astype(np.uint8) * 255, out=view)
        return full

    def occluded(
        self, owner: int, points: Points, on_parts: list[tuple[str, ...]]
    ) -> NDArray[np.bool_]:
        """Which landmarks something covers: a z-order test against the layers above their own.

        Args:
            owner: The garment.
            points: (K, 2) landmarks in image pixels.
            on_parts: For each landmark the garment's parts that it lies on.
        """
        own = [(i, layer.part) for i, layer in enumerate(self.layers) if layer.owner == owner]
        top = np.array([max([-1, *(i for i, part in own if part in parts)]) for parts in on_parts])
        hidden = top < 0
        for i, layer in enumerate(self.layers):
            below = top < i
            if below.any():
                hidden |= below & layer.covers(points)
        return hidden


def _softness(extent: float) -> int:
    """Side of the blur that rounds the edges of a shape of this extent in pixels, odd."""
    return max(3, int(0.08 * extent) | 1)


def _lighting(
    mask: NDArray[np.uint8], strength: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Blurred coverage 0..1 and a brightness field: round edges, light from the upper left."""
    size = _softness(min(mask.shape))
    soft = cv2.blur(cv2.blur(mask, (size, size)), (size, size)).astype(np.float32) * (1 / 255)
    step = max(1, size // 3)
    slope = soft[:, step:] - soft[:, :-step]
    lit = (1 - strength) + strength * soft
    lit[:, step:] += 0.35 * strength * slope
    return soft, lit * 1.04
