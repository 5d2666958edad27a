# SPDX-License-Identifier: Apache-2.0
"""Curves and tubes: the plane geometry from which bodies and garments are built.

Frame: the *body frame*, x to the image's right, y downwards, the base of the neck at (0, 0), the
torso from there to the crotch one unit long. A point array has the shape (N, 2) and holds x, y.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating[Any]]
TUBE_SAMPLES = 13
"""Samples along a sleeve or leg; 12 steps hold the halves, thirds and quarters exactly."""


def point(x: float, y: float) -> Points:
    """One point, (2,)."""
    return np.array([x, y], dtype=np.float64)


def curve(*control: Points, steps: int = 6) -> Points:
    """Catmull-Rom curve through all control points, both ends included.

    Args:
        control: Two or more points, each (2,).
        steps: Pieces between two neighbouring control points.

    Returns:
        ((len(control) - 1) * steps + 1, 2).
    """
    p = np.asarray(control, dtype=np.float64)
    padded = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = (np.arange(steps) / steps)[None, :, None]
    p0, p1, p2, p3 = (padded[i : i + len(p) - 1, None, :] for i in range(4))
    pieces = 0.5 * (
        2 * p1
        + (p2 - p0) * t
        + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
        + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    return np.concatenate([pieces.reshape(-1, 2), p[-1:]])


def along(line: Points, fractions: Points) -> Points:
    """Points of a polyline (N, 2) at the given fractions (M,) of its arc length, (M, 2)."""
    lengths = np.hypot(*np.diff(line, axis=0).T)
    arc = np.concatenate([[0.0], np.cumsum(lengths)])
    arc /= max(float(arc[-1]), 1e-9)
    return np.stack([np.interp(fractions, arc, line[:, i]) for i in (0, 1)], axis=1)


class Tube(NamedTuple):
    """A limb or sleeve: edges sampled from its root to its end, each (TUBE_SAMPLES, 2)."""

    outer: Points
    inner: Points
    center: Points

    def polygon(self) -> Points:
        """Closed outline, from the outer root round the end to the inner root."""
        return np.concatenate([self.outer, self.inner[::-1]])


def bent_line(root: Points, middle: Points, end: Points) -> Points:
    """Centre line of a limb with a rounded joint in the middle, (18, 2)."""
    before, after = root + 0.72 * (middle - root), end + 0.72 * (middle - end)
    t = np.linspace(0, 1, 8)[:, None]
    joint = (1 - t) ** 2 * before + 2 * t * (1 - t) * middle + t**2 * after
    upper = root + np.linspace(0, 1, 5)[:, None] * (before - root)
    lower = after + np.linspace(0, 1, 5)[:, None] * (end - after)
    return np.concatenate([upper, joint, lower])


def tube(
    line: Points,
    reach: float,
    half_widths: tuple[float, ...],
    side: int,
    outer_root: Points | None = None,
    inner_root: Points | None = None,
    inner_half_widths: tuple[float, ...] | None = None,
) -> Tube:
    """Widen a limb's centre line into a tube.

    Args:
        line: Centre line (N, 2) from root to tip.
        reach: Fraction of the line that is covered, 0..1.
        half_widths: Half widths at equal distances from root to end.
        side: -1 for the limb on the image's left, +1 on its right: decides which edge is outer.
        outer_root: Where the outer edge must start (the shoulder, the hip); the edge is bent there.
        inner_root: Where the inner edge must start (the armpit, the crotch).
        inner_half_widths: Distances of the inner edge, where they differ from the outer edge's.
    """
    t = np.linspace(0, 1, TUBE_SAMPLES)
    center = along(line, t * reach)
    tangent = np.gradient(center, axis=0)
    tangent /= np.maximum(np.hypot(tangent[:, :1], tangent[:, 1:]), 1e-9)
    normal = side * np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
    outer = center + normal * _spread(t, half_widths)
    inner = center - normal * _spread(t, inner_half_widths or half_widths)
    fade = np.clip(1 - t / 0.45, 0, 1)[:, None] ** 2
    if outer_root is not None:
        outer = outer + fade * (outer_root - outer[0])
    if inner_root is not None:
        inner = inner + fade * (inner_root - inner[0])
    return Tube(outer, inner, center)


def _spread(t: Points, values: tuple[float, ...]) -> Points:
    """Values at equal distances, interpolated at t (N,), as a column (N, 1)."""
    return np.asarray(np.interp(t, np.linspace(0, 1, len(values)), values))[:, None]


def ellipse(center: Points, rx: float, ry: float, start: float = 0, stop: float = 360) -> Points:
    """Outline of an ellipse or of its sector between two angles in degrees, (25, 2)."""
    angle = np.radians(np.linspace(start, stop, 25))
    return np.asarray(center + np.stack([rx * np.cos(angle), ry * np.sin(angle)], axis=1))
