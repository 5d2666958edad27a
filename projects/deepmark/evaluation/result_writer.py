# SPDX-License-Identifier: Apache-2.0
"""Official result files, written part by part; the challenge's submission is one."""

from __future__ import annotations

import contextlib
import gzip
import os
from collections.abc import Iterable, Iterator
from typing import IO

import msgspec
import numpy as np

from deepmark.atomic_write import atomic_write
from deepmark.evaluation.garment_rows import DetectionRows, FloatArray, keypoint_offsets
from deepmark.schema import LandmarkSchema, get_schema

_GZIP_LEVEL = 1  # most of the text is zeros: a higher level takes long and saves little


def write_detections(
    path: str | os.PathLike[str],
    rows: DetectionRows,
    schema: LandmarkSchema | str | None = None,
    overwrite: bool = False,
    decimals: int | None = None,
) -> None:
    """Write an official result file; see :func:`write_parts`."""
    write_parts(path, [rows], schema, overwrite, decimals)


def write_parts(
    path: str | os.PathLike[str],
    parts: Iterable[DetectionRows],
    schema: LandmarkSchema | str | None = None,
    overwrite: bool = False,
    decimals: int | None = None,
) -> int:
    """Write an official result file; every own landmark gets v = 1, all other slots 0 0 0.

    Rows without landmarks give results without the key ``keypoints``.

    Args:
        path: a ``.json`` or ``.json.gz`` file.
        parts: rows; only one part is looked at at a time.
        schema: categories and landmark slots.
        overwrite: replace an existing file.
        decimals: places to which coordinates are rounded; None writes them in full, so that reading
            them back gives the same figures. Scores are always written in full.

    Returns:
        The number of results.

    Raises:
        FileExistsError: the file exists and ``overwrite`` is false.
    """
    schema = get_schema(schema)
    count = 0
    with atomic_write(path, overwrite=overwrite) as target, _packed(target, path) as file:
        file.write(b'[')
        for rows in parts:
            for line in result_lines(rows, schema, decimals):
                file.write(b',\n' if count else b'\n')
                file.write(line)
                count += 1
        file.write(b'\n]\n')
    return count


def result_lines(
    rows: DetectionRows, schema: LandmarkSchema, decimals: int | None = None
) -> Iterator[bytes]:
    """JSON text of each result."""
    offsets = keypoint_offsets(rows.labels, schema)
    boxes = _rounded(rows.boxes_xywh, decimals)
    keypoints = None if rows.keypoints is None else _rounded(rows.keypoints, decimals)
    for n, label in enumerate(rows.labels.tolist()):
        start = (
            f'{{"image_id":{rows.image_ids[n]},"category_id":{schema.category_ids[label]},'
            f'"bbox":{_text(boxes[n])},"score":{_text(rows.scores[n])}'
        )
        if keypoints is None:
            yield f'{start}}}'.encode()
            continue
        own = keypoints[offsets[n] : offsets[n + 1]]
        own_text = _text(np.hstack([own, np.ones((len(own), 1))]).ravel())[1:-1]
        before, after = 3 * schema.slot_offsets[label], 3 * schema.slot_offsets[label + 1]
        zeros_after = ',0' * (3 * schema.num_slots - int(after))
        yield f'{start},"keypoints":[{"0," * int(before)}{own_text}{zeros_after}]}}'.encode()


def _rounded(values: FloatArray, decimals: int | None) -> FloatArray:
    exact = values.astype(np.float64)
    return exact if decimals is None else np.round(exact, decimals)


def _text(values: FloatArray) -> str:
    return msgspec.json.encode(values.tolist()).decode()


@contextlib.contextmanager
def _packed(file: IO[bytes], path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    if not str(path).endswith('.gz'):
        yield file
        return
    with gzip.GzipFile('', 'wb', _GZIP_LEVEL, file, mtime=0) as packed:
        yield packed  # type: ignore[misc]
