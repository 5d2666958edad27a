# SPDX-License-Identifier: Apache-2.0
"""Text on RGB arrays, anti-aliased and on a coloured ground, without a matplotlib figure.

The font is DejaVu Sans, which comes with matplotlib and covers Latin, Greek and Cyrillic.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

Image = npt.NDArray[np.uint8]


@functools.lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    path = Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / 'DejaVuSans.ttf'
    return ImageFont.truetype(str(path), size)


@functools.lru_cache(maxsize=256)
def text_mask(text: str, size: int) -> Image:
    """(h, w) coverage 0 .. 255 of one line of text with a small margin; read-only."""
    font = _font(size)
    ascent, descent = font.getmetrics()
    margin = max(2, size // 5)
    width = max(1, round(font.getlength(text)))
    mask = PillowImage.new('L', (width + 2 * margin, ascent + descent + margin // 2))
    ImageDraw.Draw(mask).text((margin, margin // 4), text, fill=255, font=font)
    array = np.array(mask)
    array.setflags(write=False)
    return array


def draw_caption(
    canvas: Image,
    text: str,
    corner_xy: npt.NDArray[np.floating],
    ground: Sequence[int],
    size: int,
) -> None:
    """Write a line of text above a point, moved so that it lies inside the image.

    Args:
        canvas: (H, W, 3) RGB, changed in place.
        text: one line.
        corner_xy: (2,) where the lower left corner of the text should be.
        ground: RGB behind the text; the text is black or white, whichever is easier to read.
        size: height of the letters in pixels.
    """
    mask = text_mask(text, size)
    mask = mask[: canvas.shape[0], : canvas.shape[1]]
    height, width = mask.shape
    corner = np.nan_to_num(corner_xy).clip(-1e6, 1e6)
    left = int(np.clip(round(float(corner[0])), 0, canvas.shape[1] - width))
    top = int(np.clip(round(float(corner[1])) - height, 0, canvas.shape[0] - height))
    coverage = mask[..., None].astype(np.float32) / 255
    ink = np.array(contrast(ground), np.float32)
    block = coverage * ink + (1 - coverage) * np.array(ground, np.float32)
    canvas[top : top + height, left : left + width] = np.round(block).astype(np.uint8)


def contrast(color: Sequence[int]) -> tuple[int, int, int]:
    """Black or white, whichever is easier to tell from the RGB colour."""
    red, green, blue = color
    return (0, 0, 0) if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else (255, 255, 255)
