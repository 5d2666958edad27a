# SPDX-License-Identifier: Apache-2.0
"""Write the three raw lists of FLD or DeepFashion-C; what ``fashion_lists`` reads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from deepmark.atomic_write import atomic_write, refuse_existing
from deepmark.datasets.fashion_lists import ListFiles, list_files
from deepmark.datasets.fashion_records import SLOTS, SPLITS, FashionRecords

_BOX_COLUMNS = ('image_name', 'x_1', 'y_1', 'x_2', 'y_2')
_PARTITION_COLUMNS = ('image_name', 'evaluation_status')


def write_lists(
    root: str | os.PathLike[str], records: FashionRecords, overwrite: bool = False
) -> ListFiles:
    """Write Anno/list_bbox.txt, Anno/list_landmarks.txt and Eval/list_eval_partition.txt.

    The landmark list has FLD's column of variation types when any garment has one. Whole numbers
    are written as such, others with all their digits, so that reading gives the same records back.

    Args:
        root: root of the data set.
        records: garments of all splits.
        overwrite: replace existing lists.

    Raises:
        FileExistsError: a list exists and ``overwrite`` is not set; nothing is written then.
    """
    files = list_files(root)
    contents = {
        files.boxes: _lines(_BOX_COLUMNS, _box_rows(records)),
        files.landmarks: _lines(_landmark_columns(records), _landmark_rows(records)),
        files.partition: _lines(_PARTITION_COLUMNS, _partition_rows(records)),
    }
    for path in contents:
        refuse_existing(path, overwrite)
    for path, text in contents.items():
        _write(path, text, overwrite)
    return files


def format_number(value: float) -> str:
    """Shortest text that reads back as the same number, without a point where it is whole.

    Example:
        >>> format_number(72.0), format_number(71.5)
        ('72', '71.5')
    """
    return str(int(value)) if value == int(value) else repr(float(value))


def _write(path: Path, text: str, overwrite: bool) -> None:
    with atomic_write(path, overwrite) as file:
        file.write(text.encode())


def _lines(columns: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    entries = [' '.join(row) for row in rows]
    return '\n'.join([str(len(entries)), ' '.join(columns), *entries, ''])


def _box_rows(records: FashionRecords) -> Iterator[Sequence[str]]:
    for row, box in enumerate(records.bboxes.tolist()):
        yield [records.name(row), *map(format_number, box)]


def _partition_rows(records: FashionRecords) -> Iterator[Sequence[str]]:
    for row, split in enumerate(records.splits.tolist()):
        yield [records.name(row), SPLITS[split]]


def _landmark_columns(records: FashionRecords) -> list[str]:
    columns = ['image_name', 'clothes_type']
    if records.variations.any():
        columns.append('variation_type')
    for number in range(1, 9):
        columns += [f'landmark_{part}_{number}' for part in ('visibility', 'location_x')]
        columns.append(f'landmark_location_y_{number}')
    return columns


def _landmark_rows(records: FashionRecords) -> Iterator[Sequence[str]]:
    varied = bool(records.variations.any())
    types, variations = records.clothes_types.tolist(), records.variations.tolist()
    for row, keypoints in enumerate(records.keypoints.tolist()):
        words = [records.name(row), str(types[row])]
        if varied:
            words.append(str(variations[row]))
        for slot in SLOTS[types[row]]:
            x, y, visibility = keypoints[slot]
            words += [str(2 - int(visibility)), format_number(x), format_number(y)]
        yield words
