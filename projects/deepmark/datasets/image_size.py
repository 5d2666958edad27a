# SPDX-License-Identifier: Apache-2.0
"""Which files are images, and their sizes from the headers, without decoding a pixel."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from deepmark.datasets.problems import DatasetError, Kind

IMAGE_SUFFIXES = frozenset(
    {'.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff', '.ppm', '.pgm'}
)
"""What counts as an image in a folder, everywhere in the project."""

_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = frozenset({5, 6, 7, 8})
_MAX_ID = 2**62
_MAX_DIGITS = 255  # as long as a file name can be; Python refuses to convert far longer numbers


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


def size_problem(error: OSError) -> Kind:
    """What :func:`read_image_size` stumbled over: the file itself, or access to it (an errno)."""
    return Kind.UNREADABLE_IMAGE if error.errno is None else Kind.READ_ERROR


def list_images(folder: str | Path) -> list[str]:
    """Sorted names of the image files of a folder; empty when there is no such folder.

    Hidden files (``._000001.jpg``, which macOS leaves beside a photo) are no images.

    Raises:
        DatasetError: a name is not UTF-8, so that no annotation or report can name the file.
    """
    directory = Path(folder)
    if not directory.is_dir():
        return []
    names = sorted(
        name
        for name in os.listdir(directory)
        if suffix_of(name) in IMAGE_SUFFIXES and not name.startswith('.')
    )
    if broken := [name for name in names if not is_utf8(name)]:
        raise DatasetError(
            f'{folder}: {len(broken)} file name(s) are not UTF-8, the first is {broken[0]!r}. '
            'Fix: rename the files'
        )
    return names


def is_utf8(text: str) -> bool:
    r"""Whether a text can be written: false for lone surrogates, as in undecodable file names.

    Example:
        >>> is_utf8('caf\u00e9'), is_utf8('caf\udce9')
        (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


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

    When a name is no number (own photos), or one beyond 2**62 (which no array of ids holds), all
    images are numbered from 1 in the given order.

    Example:
        >>> image_ids_of(['000264.jpg', '000265.jpg']), image_ids_of(['000264.jpg', 'street.jpg'])
        ([264, 265], [1, 2])
    """
    stems = [Path(name).stem for name in names]
    if all(stem.isdecimal() and len(stem) <= _MAX_DIGITS for stem in stems):
        numbers = [int(stem) for stem in stems]
        if max(numbers, default=0) <= _MAX_ID:
            return numbers
    return list(range(1, len(names) + 1))
