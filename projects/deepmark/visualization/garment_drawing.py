# SPDX-License-Identifier: Apache-2.0
"""Draw garments on an RGB array with OpenCV: boxes, captions, skeletons, landmarks.

Each category has its colour from the schema. A visible landmark is a filled dot, an occluded one a
ring, an unlabelled one (v = 0) is not drawn. Sizes follow the image's. Pixel i's centre lies at
coordinate i, as everywhere in this project; landmarks are drawn to 1/16 pixel.

Legend: N garments, K_max landmarks of the longest list.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from deepmark.schema import LandmarkSchema
from deepmark.visualization.captions import contrast, draw_caption

Image = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.floating]
Color = tuple[int, int, int]
Point = tuple[int, int]

_SHIFT = 4  # cv2 takes positions in 1/16 pixel
_FAR = 16_000  # pixels; cv2 overflows far outside the image


@dataclass(frozen=True)
class GarmentSet:
    """What is drawn on one image, in the image's own pixels.

    Attributes:
        boxes_xyxy: (N, 4).
        labels: (N,) 0 .. C - 1.
        scores: (N,) or None for truth.
        keypoints: (N, K_max, 2) or None.
        visibility: (N, K_max) in {0, 1, 2}; None draws every own landmark as visible.
    """

    boxes_xyxy: FloatArray
    labels: npt.NDArray[np.integer]
    scores: FloatArray | None = None
    keypoints: FloatArray | None = None
    visibility: npt.NDArray[np.integer] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def scaled(self, factor: float) -> GarmentSet:
        """The same on the image enlarged by ``factor`` (pixel centres kept)."""

        def move(xy: FloatArray) -> FloatArray:
            return np.asarray((xy + 0.5) * factor - 0.5)

        keypoints = None if self.keypoints is None else move(self.keypoints)
        return GarmentSet(
            move(self.boxes_xyxy), self.labels, self.scores, keypoints, self.visibility
        )


@dataclass(frozen=True)
class DrawingStyle:
    """Sizes in pixels.

    Example:
        >>> DrawingStyle.for_image(height=600, width=600)
        DrawingStyle(line=2, radius=4.0, text=15)
    """

    line: int
    radius: float
    text: int

    @classmethod
    def for_image(cls, height: int, width: int) -> DrawingStyle:
        """Sizes that look the same on small and large images, but stay readable on small ones."""
        side = float(np.sqrt(height * width))
        return cls(
            line=max(1, round(side / 300)),
            radius=max(2.0, side / 150),
            text=max(11, round(side / 40)),
        )


def draw_garments(
    image: Image, garments: GarmentSet, schema: LandmarkSchema, style: DrawingStyle | None = None
) -> Image:
    """A copy of an RGB image with garments drawn on it; the best scores are drawn last, on top.

    Args:
        image: (H, W, 3) uint8 RGB.
        garments: what to draw.
        schema: names, colours and skeletons.
        style: sizes; by default those that suit the image.
    """
    canvas = np.ascontiguousarray(image).copy()
    style = style or DrawingStyle.for_image(*image.shape[:2])
    scores = np.zeros(len(garments)) if garments.scores is None else garments.scores
    order = np.argsort(scores, kind='stable').tolist()
    for n in order:
        color = schema.palette[garments.labels[n]]
        _draw_box(canvas, garments.boxes_xyxy[n], color, style)
        if garments.keypoints is not None:
            _draw_landmarks(canvas, garments, n, schema, style)
    for n in order:  # captions last, or the next garment would cover them
        category = schema.categories[garments.labels[n]]
        score = '' if garments.scores is None else f' {garments.scores[n]:.2f}'
        corner = garments.boxes_xyxy[n, :2] - style.line
        draw_caption(canvas, f'{category.name}{score}', corner, category.color, style.text)
    return canvas


def _draw_box(canvas: Image, box_xyxy: FloatArray, color: Color, style: DrawingStyle) -> None:
    corners = np.round(_finite(box_xyxy)).astype(int).tolist()  # whole pixels: crisp edges
    for paint, width in _casing(color, style):
        cv2.rectangle(canvas, corners[:2], corners[2:], paint, width)


def _draw_landmarks(
    canvas: Image, garments: GarmentSet, n: int, schema: LandmarkSchema, style: DrawingStyle
) -> None:
    assert garments.keypoints is not None
    label = int(garments.labels[n])
    count = int(schema.num_keypoints[label])
    points = _fixed_point(garments.keypoints[n, :count])
    visibility = np.full(count, 2) if garments.visibility is None else garments.visibility[n]
    color = schema.palette[label]
    lines = [
        (points[first], points[last])
        for first, last in schema.skeleton(label)
        if visibility[first] and visibility[last]
    ]
    for paint, width in _casing(color, style):
        for first, last in lines:
            cv2.line(canvas, first, last, paint, width, cv2.LINE_AA, _SHIFT)
    for point, seen in zip(points, visibility[:count], strict=True):
        if seen == 2:
            _draw_dot(canvas, point, color, style)
        elif seen == 1:
            _draw_ring(canvas, point, color, style)


def _draw_dot(canvas: Image, point: Point, color: Color, style: DrawingStyle) -> None:
    radius = round(style.radius * 2**_SHIFT)
    for paint, size in ((contrast(color), radius + 2**_SHIFT), (color, radius)):
        cv2.circle(canvas, point, size, paint, cv2.FILLED, cv2.LINE_AA, _SHIFT)


def _draw_ring(canvas: Image, point: Point, color: Color, style: DrawingStyle) -> None:
    radius = round(1.4 * style.radius * 2**_SHIFT)
    width = max(1, round(style.radius / 2.5))
    cv2.circle(canvas, point, radius, contrast(color), width + 2, cv2.LINE_AA, _SHIFT)
    cv2.circle(canvas, point, radius, color, width, cv2.LINE_AA, _SHIFT)


def _casing(color: Color, style: DrawingStyle) -> list[tuple[Color, int]]:
    """Colours and widths of a line that stands out from a garment of its own colour."""
    if style.line == 1:
        return [(color, 1)]
    return [(contrast(color), style.line + 2), (color, style.line)]


def _fixed_point(xy: FloatArray) -> list[Point]:
    """(M, 2) positions as cv2's integers in 1/16 pixel; what is not finite lies far outside."""
    return [(x, y) for x, y in np.round(_finite(xy) * 2**_SHIFT).astype(int).tolist()]


def _finite(values: FloatArray) -> FloatArray:
    return np.nan_to_num(values, nan=-_FAR, posinf=_FAR, neginf=-_FAR).clip(-_FAR, _FAR)
