# SPDX-License-Identifier: Apache-2.0
"""Names beside the points of a plot, placed covering neither each other nor the points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from deepmark.visualization.evaluation_plots import GREY, INK

FONT_SIZE = 7.5
_NEAR, _STEP, _RINGS = 7.0, 11.0, 16
_DIRECTIONS = ((1, 0.4), (-1, 0.4), (1, -0.4), (-1, -0.4), (0, 1), (0, -1), (1, 1.2), (-1, 1.2))


Point = tuple[float, float]


class Rectangle(NamedTuple):
    """Extent in pixels of the canvas."""

    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: Rectangle) -> float:
        """Area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(width, 0) * max(height, 0)


def choose_places(
    points: Sequence[Point],
    sizes: Sequence[Point],
    frame: Rectangle,
    taken: Sequence[Rectangle],
) -> list[Rectangle]:
    """Choose a place for each label, the first free one around its point, nearest first.

    Where all are taken, or lie outside the frame, it is the one that covers least.

    Args:
        points: Pixels.
        sizes: Width and height of each label, pixels.
        frame: What labels should stay inside of.
        taken: What labels should leave free: points and error bars.
    """
    used = list(taken)
    places = []
    for (x, y), (width, height) in zip(points, sizes, strict=True):
        candidates = _candidates(x, y, width, height)
        # Rounded: else the last bits, not the order, would choose among free places.
        costs = [
            round(
                sum(place.overlap(other) for other in used)
                + 3 * (width * height - place.overlap(frame)),
                6,
            )
            for place in candidates
        ]
        best = candidates[costs.index(min(costs))]
        places.append(best)
        used.append(best)
    return places


def label_points(
    ax: Axes, points: Sequence[Point], names: Sequence[str], segments: Sequence[tuple[Point, Point]]
) -> None:
    """Write names beside points, with a thin line to those that stand away from theirs.

    The figure must have its final layout.

    Args:
        ax: Where; the axes keep their limits.
        points: Data coordinates.
        names: One a point.
        segments: Level or upright lines to leave free, data coordinates.
    """
    texts = [
        ax.annotate(
            name, point, xytext=(0, 0), textcoords='offset points', fontsize=FONT_SIZE, color=INK,
            annotation_clip=False,
        )
        for name, point in zip(names, points, strict=True)
    ]  # fmt: skip
    extents = [text.get_window_extent() for text in texts]
    pixels = [tuple(ax.transData.transform(point)) for point in points]
    marks = [Rectangle(x - 5, y - 5, x + 5, y + 5) for x, y in pixels]
    lines = [Rectangle(*ax.transData.transform(ends).ravel()) for ends in segments]
    marks += [Rectangle(x0 - 1, y0 - 1, x1 + 1, y1 + 1) for x0, y0, x1, y1 in lines]
    frame = Rectangle(*ax.get_window_extent().extents)
    sizes = [(extent.width, extent.height) for extent in extents]
    for text, place, (x, y), extent in zip(
        texts, choose_places(pixels, sizes, frame, marks), pixels, extents, strict=True
    ):
        # In points: a file may have another resolution than the figure.
        moved = (place.left - extent.x0, place.bottom - extent.y0)
        text.set_position(tuple(pixels_moved * 72 / ax.figure.dpi for pixels_moved in moved))
        nearest = (min(max(x, place.left), place.right), min(max(y, place.bottom), place.top))
        if max(abs(nearest[0] - x), abs(nearest[1] - y)) > _NEAR + _STEP:
            ends = ax.transData.inverted().transform([(x, y), nearest])
            ax.plot(*ends.T, color=GREY, linewidth=0.6, zorder=1)


def _candidates(x: float, y: float, width: float, height: float) -> list[Rectangle]:
    places = []
    for ring in range(_RINGS):
        away = _NEAR + ring * _STEP
        for across, up in _DIRECTIONS:
            left = x + across * away - (width if across < 0 else 0 if across > 0 else width / 2)
            bottom = y + up * away - height / 2
            places.append(Rectangle(left, bottom, left + width, bottom + height))
    return places
