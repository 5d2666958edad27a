# SPDX-License-Identifier: Apache-2.0
"""A garment as a stack of parts (torso, sleeves, back panel ...) with its landmarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from .geometry import Points

HIDDEN = 'hidden'
"""The part of landmarks that lie on the far surface: never visible, whatever is drawn."""


@dataclass
class Part:
    """One layer of a garment, body frame.

    Attributes:
        name: 'torso', 'sleeve-', 'leg+', 'back' ...
        polygons: Outlines whose union is the part.
        strokes: Thin pieces (straps): polyline and width.
        seams: Darker lines drawn on the part.
        bands: Outlines of darker or lighter pieces on the part (cuff, waistband, collar).
        angle: Direction of the cloth's grain in degrees.
        shade: Brightness factor (linings are dark).
        dots: Centres of buttons.
    """

    name: str
    polygons: list[Points]
    strokes: list[tuple[Points, float]] = field(default_factory=list)
    seams: list[Points] = field(default_factory=list)
    bands: list[Points] = field(default_factory=list)
    angle: float = 0.0
    shade: float = 1.0
    dots: list[Points] = field(default_factory=list)


@dataclass
class Garment:
    """Parts from bottom to top, and the landmarks by name.

    Attributes:
        category_id: 1..13.
        parts: The layers.
        keypoints: Landmark name to position, (2,), body frame.
        on_parts: Landmark name to the parts that it lies on; it is occluded by any later layer
            that is not one of them.
    """

    category_id: int
    parts: list[Part] = field(default_factory=list)
    keypoints: dict[str, Points] = field(default_factory=dict)
    on_parts: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def mark(self, name: str, position: Points, *parts: str) -> None:
        """Record a landmark and the parts that it lies on."""
        self.keypoints[name] = np.asarray(position, dtype=np.float64)
        self.on_parts[name] = parts

    def moved(self, move: Callable[[Points], Points]) -> Garment:
        """A copy with all points mapped by a function of (N, 2) arrays."""
        parts = [
            replace(
                part,
                polygons=[move(p) for p in part.polygons],
                strokes=[(move(line), width) for line, width in part.strokes],
                seams=[move(p) for p in part.seams],
                bands=[move(p) for p in part.bands],
                dots=[move(p) for p in part.dots],
            )
            for part in self.parts
        ]
        keypoints = {name: move(p) for name, p in self.keypoints.items()}
        return Garment(self.category_id, parts, keypoints, dict(self.on_parts))


def side_sign(side: int) -> str:
    """Suffix of names on a side: '-' for the image's left, '+' for its right."""
    return '-' if side < 0 else '+'
