# SPDX-License-Identifier: Apache-2.0
"""Which files are images, and their sizes from the headers, without decoding a pixel."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

IMAGE_SUFFIXES = frozenset(
    {'.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff', '.ppm', '.pgm'}
)
"""What counts as an image in a folder, everywhere in the project."""

_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = frozenset({5, 6, 7, 8})


def read_image_size(path: str | Path) -> tuple[int, int]:
    """Width and height of an image as the loader will see it.

    cv2 turns a photo as its EXIF orientation says, so a photo taken sideways has its sides
    exchanged here too.

    Raises:
        OSError: the file is missing, empty or not an image that Pillow knows.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            sideways = 'exif' in image.info and image.getexif().get(_EXIF_ORIENTATION) in _SIDEWAYS
    except (SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise OSError(f'broken image header: {error}') from error
    return (height, width) if sideways else (width, height)


def list_images(folder: str | Path) -> list[str]:
    """Sorted names of the image files of a folder; empty when there is no such folder."""
    directory = Path(folder)
    if not directory.is_dir():
        return []
    return sorted(name for name in os.listdir(directory) if suffix_of(name) in IMAGE_SUFFIXES)


def suffix_of(name: str) -> str:
    """The suffix of a file name in lower case, as :mod:`pathlib` finds it, only faster.

    Example:
        >>> suffix_of('a.b.JPG'), suffix_of('.jpg'), suffix_of('a.')
        ('.jpg', '', '')
    """
    stem, _, suffix = name.rpartition('.')
    return f'.{suffix.lower()}' if stem and suffix else ''


def image_ids_of(names: list[str]) -> list[int]:
    """Image ids: the number in the file name, as in DeepFashion2's results format.

    When a name is no number (own photos), all images are numbered from 1 in the given order.

    Example:
        >>> image_ids_of(['000264.jpg', '000265.jpg']), image_ids_of(['000264.jpg', 'street.jpg'])
        ([264, 265], [1, 2])
    """
    stems = [Path(name).stem for name in names]
    if all(stem.isdecimal() for stem in stems):
        return [int(stem) for stem in stems]
    return list(range(1, len(names) + 1))
