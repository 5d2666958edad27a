# SPDX-License-Identifier: Apache-2.0
"""Boxes of FLD and DeepFashion-C: the benchmarks crop exactly the box, so it must be one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deepmark.datasets.fashion_records import FashionRecords
from deepmark.datasets.image_size import read_image_size
from deepmark.datasets.problems import Kind, Problems

Mask = npt.NDArray[np.bool_]
Locate = Callable[[int], tuple[str, str]]
BOX_SLACK = 2.0
"""Pixels by which a box may reach outside: some boxes count pixels from 1, end included."""
_READERS = 16
_IMAGE_FOLDERS = ('', 'Img', 'img')


def find_image_folder(root: str | os.PathLike[str], records: FashionRecords) -> Path:
    """Folder below which the lists' names lie: the root, Img or img.

    FLD's names begin with ``img/`` and that folder lies in the root; DeepFashion-C's begin so too,
    in a folder Img. The root is given when the first image is in none of them.
    """
    folders = [Path(root) / name for name in _IMAGE_FOLDERS]
    found = [folder for folder in folders if len(records) and (folder / records.name(0)).is_file()]
    return (found or folders)[0]


def read_sizes(
    folder: str | os.PathLike[str], records: FashionRecords, problems: Problems
) -> npt.NDArray[np.int64]:
    """(N, 2) width and height from the headers of the images; 0 0 where there is none.

    Notes images that are missing or broken. A header takes 40 µs of a core once it is in memory.
    """
    paths = [Path(folder, records.name(row)) for row in range(len(records))]
    with ThreadPoolExecutor(_READERS) as pool:
        sizes: Sequence[tuple[int, int] | OSError] = list(pool.map(_size, paths, chunksize=256))
    for path, size in zip(paths, sizes, strict=True):
        if isinstance(size, FileNotFoundError):
            problems.add(Kind.MISSING_IMAGE, str(path))
        elif isinstance(size, OSError):
            problems.add(Kind.UNREADABLE_IMAGE, str(path), detail=str(size))
    known = [(0, 0) if isinstance(size, OSError) else size for size in sizes]
    return np.array(known, dtype=np.int64).reshape(-1, 2)


def _size(path: Path) -> tuple[int, int] | OSError:
    try:
        return read_image_size(path)
    except OSError as error:
        return error


def check_boxes(
    records: FashionRecords,
    problems: Problems,
    locate: Locate,
    sizes: npt.NDArray[np.int64] | None = None,
) -> Mask:
    """Note boxes that are no crop of their image.

    Args:
        records: the garments.
        problems: receives the findings.
        locate: file and line of a garment's box, by its row.
        sizes: (N, 2) of the images; None checks the boxes' own numbers only.

    Returns:
        (N,) true for garments that can be cropped: those whose box only reaches outside stay, and
        the pixels outside are black.
    """
    x1, y1, x2, y2 = records.bboxes.T
    good: Mask = (x2 > x1) & (y2 > y1) & (x2 > 0) & (y2 > 0)
    inside: Mask = (x1 >= -BOX_SLACK) & (y1 >= -BOX_SLACK)
    if sizes is not None:
        width, height = sizes.T
        good &= (x1 < width) & (y1 < height)
        inside &= (x2 <= width + BOX_SLACK) & (y2 <= height + BOX_SLACK)
        good |= width == 0  # noted as missing already
    for kind, bad in ((Kind.CROP_BOX, ~good), (Kind.CROP_BOX_OUTSIDE, good & ~inside)):
        for row in np.flatnonzero(bad).tolist():
            problems.add(kind, *locate(row), _describe(records, row, sizes))
    known: Mask = good if sizes is None else good & (sizes[:, 0] > 0)
    return known


def _describe(records: FashionRecords, row: int, sizes: npt.NDArray[np.int64] | None) -> str:
    box = ' '.join(f'{value:g}' for value in records.bboxes[row].tolist())
    size = '' if sizes is None else f', {sizes[row, 0]} x {sizes[row, 1]} pixels'
    return f'x_1 y_1 x_2 y_2 = {box}; {records.name(row)}{size}'
