# SPDX-License-Identifier: Apache-2.0
"""A contact sheet: one row an image, truth beside prediction, with captions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from deepmark.atomic_write import atomic_write
from deepmark.schema import LandmarkSchema, get_schema
from deepmark.visualization.captions import text_mask
from deepmark.visualization.garment_drawing import DrawingStyle, GarmentSet, draw_garments

Image = npt.NDArray[np.uint8]
_PAPER, _INK, _GAP = 250, 40, 8
_TEXT = 15


@dataclass(frozen=True)
class ContactRow:
    """One image of the sheet.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        truth: true garments in the image's pixels; None leaves the cell without drawing.
        prediction: predicted garments.
        caption: written above the row, e.g. the file name.
    """

    image: Image
    truth: GarmentSet | None
    prediction: GarmentSet | None
    caption: str = ''


def contact_sheet(
    rows: Sequence[ContactRow],
    schema: LandmarkSchema | str | None = None,
    cell: int = 384,
    columns: int = 1,
    titles: tuple[str, str] = ('truth', 'prediction'),
) -> Image:
    """Draw rows of truth | prediction.

    Images are scaled to fit a square cell before anything is drawn, so that lines and letters are
    equally sharp for small and large images.

    Args:
        rows: at least one.
        schema: names, colours and skeletons.
        cell: side of a cell in pixels.
        columns: pairs side by side.
        titles: what the two cells of a row are called.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: no rows.
    """
    if not rows:
        raise ValueError('a contact sheet needs at least one image')
    schema = get_schema(schema)
    pairs = [_pair(row, schema, cell, titles) for row in rows]
    blank = np.full_like(pairs[0], _PAPER)
    pairs += [blank] * (-len(pairs) % columns)
    lines = [
        np.concatenate(pairs[start : start + columns], axis=1)
        for start in range(0, len(pairs), columns)
    ]
    return np.concatenate(lines, axis=0)


def write_contact_sheet(
    path: str | os.PathLike[str], sheet: Image, overwrite: bool = False
) -> None:
    """Write an RGB picture as PNG.

    Raises:
        FileExistsError: the file exists and ``overwrite`` is false.
    """
    _, encoded = cv2.imencode('.png', sheet[..., ::-1])
    with atomic_write(path, overwrite=overwrite) as file:
        file.write(encoded.tobytes())


def _pair(row: ContactRow, schema: LandmarkSchema, cell: int, titles: tuple[str, str]) -> Image:
    sides = [
        _cell(row.image, garments, f'{title}  {row.caption}'.rstrip(), schema, cell)
        for garments, title in zip((row.truth, row.prediction), titles, strict=True)
    ]
    return np.concatenate(sides, axis=1)


def _cell(
    image: Image, garments: GarmentSet | None, title: str, schema: LandmarkSchema, cell: int
) -> Image:
    height, width = image.shape[:2]
    factor = cell / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    picture: Image = cv2.resize(image, size, interpolation=interpolation)
    if garments is not None:
        style = DrawingStyle.for_image(cell, cell)
        picture = draw_garments(picture, garments.scaled(factor), schema, style)
    heading = _heading(title, cell)
    sheet = np.full((heading.shape[0] + cell + _GAP, cell + _GAP, 3), _PAPER, np.uint8)
    sheet[: heading.shape[0], : heading.shape[1]] = heading
    top, left = heading.shape[0], (cell - size[0]) // 2
    sheet[top : top + size[1], left : left + size[0]] = picture
    return sheet


def _heading(title: str, width: int) -> Image:
    """Dark text on paper, cut to the width of a cell."""
    coverage = text_mask(title or ' ', _TEXT)[:, :width].astype(np.float32)[..., None] / 255
    return np.round(_PAPER + (_INK - _PAPER) * coverage).astype(np.uint8).repeat(3, axis=2)
