# SPDX-License-Identifier: Apache-2.0
"""The raw lists of FLD and DeepFashion-C: reading and checking.

Three text files; in each the first line is the count of the lines behind the second, which has the
column names; columns are separated by blanks and numbers may have leading zeros (``072``):

* ``list_bbox.txt``: image, x_1, y_1, x_2, y_2;
* ``list_landmarks.txt``: image, clothes type (1, 2, 3), in FLD the variation type, then
  visibility, x, y of each landmark (0 visible, 1 occluded, 2 cut off). DeepFashion-C has no
  variation type, whatever its description says: the public readers begin behind two columns. The
  remainder of a line's column count by 3 tells which of the two a file is. A line has the 6, 4 or
  8 landmarks of its clothes type, or 8 with zeros behind the last one: such zeros are no visible
  landmarks, though their code reads so;
* ``list_eval_partition.txt``: image, train | val | test.

289,222 lines take about 6 s on one core: lines are split one by one, but all numbers of a file are
parsed at once.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deepmark.datasets.fashion_records import HAS_LANDMARK, SLOTS, SPLITS, FashionRecords
from deepmark.datasets.problems import DatasetError, Kind, Problems

IntArray = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
FIRST_LINE = 3
"""Line number of the first entry."""
_LIST_FOLDERS = ('Anno', 'Anno_coarse', 'Eval', '')


@dataclass(frozen=True)
class ListFiles:
    """Where the three lists are."""

    landmarks: Path
    boxes: Path
    partition: Path


def list_files(root: str | os.PathLike[str]) -> ListFiles:
    """Where the benchmarks have their lists below a folder: Anno (or Anno_coarse) and Eval."""
    folder = Path(root)
    return ListFiles(folder / 'Anno/list_landmarks.txt', folder / 'Anno/list_bbox.txt',
                     folder / 'Eval/list_eval_partition.txt')  # fmt: skip


def find_lists(root: str | os.PathLike[str]) -> ListFiles:
    """Find the three lists in Anno, Anno_coarse, Eval or the folder itself.

    Raises:
        DatasetError: one is not there; names it and where it was looked for.
    """
    expected = list_files(root)
    return ListFiles(*(_find(Path(root), path.name) for path in
                       (expected.landmarks, expected.boxes, expected.partition)))  # fmt: skip


def _find(root: Path, name: str) -> Path:
    for folder in _LIST_FOLDERS:
        if (root / folder / name).is_file():
            return root / folder / name
    places = ', '.join(str(Path(folder) / name) for folder in _LIST_FOLDERS)
    raise DatasetError(
        f'{root}: no {name} (looked for {places}). Fix: check data_root, or unpack the '
        "benchmark's Anno and Eval folders there"
    )


class ListResult(NamedTuple):
    """Records and, for messages, the lines that they come from.

    Attributes:
        records: in the order of the landmark list.
        box_lines: (N,) line of each garment's box in ``files.boxes``.
        files: the lists.
    """

    records: FashionRecords
    box_lines: IntArray
    files: ListFiles

    def locate(self, row: int) -> tuple[str, str]:
        """File and line of a garment's box."""
        return str(self.files.boxes), f'line {self.box_lines[row]}'


def read_lists(files: ListFiles, problems: Problems) -> ListResult:
    """Read the three lists of a benchmark.

    Args:
        files: where they are.
        problems: receives what is wrong with lines, which are then left out.

    Raises:
        DatasetError: a file is missing or has no first two lines.
    """
    landmarks = _NumberList(files.landmarks, problems)
    types, variations, keypoints, usable = _parse_landmarks(landmarks, problems)
    boxes = _NumberList(files.boxes, problems)
    box_usable = boxes.rows_with({4}, problems)
    partition = _TextList(files.partition, problems)
    splits = _parse_splits(partition, problems)

    box_rows = _match(landmarks, boxes, usable, box_usable, problems)
    split_rows = _match(landmarks, partition, usable, splits >= 0, problems)
    rows = np.flatnonzero(usable & (box_rows >= 0) & (split_rows >= 0))
    chosen = box_rows[rows]
    corners = boxes.offsets[chosen][:, None] + np.arange(4)
    records = FashionRecords(
        names=landmarks.names[rows],
        ids=rows + 1,
        image_ids=rows + 1,
        splits=splits[split_rows[rows]],
        clothes_types=types[rows],
        variations=variations[rows],
        bboxes=boxes.numbers[corners].reshape(-1, 4),
        keypoints=keypoints[rows],
    )
    return ListResult(records, chosen + FIRST_LINE, files)


class _TextList:
    """A list file: names, and the rest of each line."""

    def __init__(self, path: Path, problems: Problems) -> None:
        self.path = path
        try:
            lines = path.read_text(encoding='utf-8').splitlines()
        except FileNotFoundError as error:
            raise DatasetError(f'{path}: there is no such list. Fix: check data_root') from error
        except UnicodeDecodeError as error:
            raise DatasetError(f'{path}: no text ({error}). Fix: unpack it again') from error
        while lines and not lines[-1].strip():
            lines.pop()
        body = lines[2:]
        self._check_head(lines, len(body), problems)
        parts = [line.split(None, 1) or [''] for line in body]
        self.names = np.array([part[0].encode() for part in parts] or [b''])[: len(body)]
        self.rests = [part[1] if len(part) > 1 else '' for part in parts]
        self._check_names(problems)

    def note(self, problems: Problems, kind: Kind, row: int, detail: str) -> None:
        """Note a problem of one line."""
        problems.add(kind, str(self.path), f'line {row + FIRST_LINE}', detail)

    def _check_head(self, lines: list[str], count: int, problems: Problems) -> None:
        if len(lines) < 2 or not lines[0].strip().isdecimal() or _is_entry(lines[1]):
            raise DatasetError(
                f'{self.path}: line 1 must be the count of entries and line 2 the column names, '
                f'found {lines[:2]}. Fix: unpack the list again'
            )
        stated = int(lines[0])
        if stated != count:
            problems.add(
                Kind.LIST_LENGTH, str(self.path), 'line 1', f'{stated}, but there are {count}'
            )

    def _check_names(self, problems: Problems) -> None:
        _, first = np.unique(self.names, return_index=True)
        self.is_first = np.zeros(len(self.names), dtype=np.bool_)
        self.is_first[first] = True
        for row in np.flatnonzero(~self.is_first).tolist():
            self.note(problems, Kind.DUPLICATE_IMAGE, row, _text(self.names[row]))


class _NumberList(_TextList):
    """A list file whose columns behind the name are numbers.

    Attributes:
        numbers: those of all lines, float64; 0 in lines that cannot be read.
        counts: (M,) how many each line has; -1 in lines that cannot be read.
        offsets: (M,) where each line's begin.
    """

    def __init__(self, path: Path, problems: Problems) -> None:
        super().__init__(path, problems)
        sizes = np.fromiter((len(rest.split()) for rest in self.rests), np.int64, len(self.rests))
        numbers = _parse_numbers(' '.join(self.rests), int(sizes.sum()))
        readable: Mask = np.ones(len(sizes), dtype=np.bool_)
        if numbers is None:
            rows = [_floats(rest) for rest in self.rests]
            readable = np.array([row is not None for row in rows])
            numbers = np.concatenate(
                [np.zeros(n) if row is None else row for row, n in zip(rows, sizes, strict=True)]
            )
        self.numbers = numbers
        self.counts = np.where(readable, sizes, -1)
        self.offsets = np.cumsum(sizes) - sizes
        for row in np.flatnonzero(~readable).tolist():
            self.note(
                problems, Kind.LIST_COLUMNS, row, f'no finite numbers: {self.rests[row]!r:.80}'
            )

    def rows_with(self, counts: set[int], problems: Problems) -> Mask:
        """(M,) lines with one of these counts of numbers; notes the others."""
        good: Mask = np.isin(self.counts, list(counts))
        expected = ' or '.join(str(count + 1) for count in sorted(counts))
        for row in np.flatnonzero(~good & (self.counts >= 0)).tolist():
            self.note(
                problems,
                Kind.LIST_COLUMNS,
                row,
                f'{self.counts[row] + 1} columns, expected {expected}',
            )
        return good


def _parse_landmarks(
    table: _NumberList, problems: Problems
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8], npt.NDArray[np.float64], Mask]:
    """Types (M,), variation types (M,), keypoints (M, 8, 3) with COCO's v, usable lines (M,)."""
    size = len(table.names)
    keypoints = np.zeros((size, 8, 3))
    variations = np.zeros(size, dtype=np.int8)
    has_head = table.counts >= 2
    types = np.append(table.numbers, 0)[np.where(has_head, table.offsets, -1)]
    known = np.isin(types, list(SLOTS))
    for row in np.flatnonzero(has_head & ~known).tolist():
        table.note(problems, Kind.CLOTHES_TYPE, row, f'{types[row]:g}')
    types = np.where(known, types, 0).astype(np.int8)
    head = 2 if _has_variation(table.counts[known]) else 1
    usable = np.zeros(size, dtype=np.bool_)
    for clothes_type, slots in SLOTS.items():
        own = known & (types == clothes_type)
        rows = np.flatnonzero(own & np.isin(table.counts, (head + 3 * len(slots), head + 24)))
        usable[rows] = True
        columns = table.offsets[rows][:, None] + head + np.arange(3 * len(slots))
        raw = table.numbers[columns].reshape(-1, len(slots), 3)
        keypoints[rows[:, None], list(slots)] = raw[..., [1, 2, 0]]
        _note_columns(table, own & ~usable, head, len(slots), problems)
        usable[rows] &= _padding_is_zero(table, rows, head + 3 * len(slots), problems)
    usable &= _convert_visibility(table, keypoints, types, usable, problems)
    for row in np.flatnonzero((table.counts >= 0) & ~has_head).tolist():
        table.note(problems, Kind.LIST_COLUMNS, row, f'{table.counts[row] + 1} columns')
    if head == 2:
        variations[usable] = table.numbers[table.offsets[usable] + 1]
    return types, variations, keypoints, usable & table.is_first


def _has_variation(counts: IntArray) -> bool:
    """Whether most lines have a column between the clothes type and the landmarks."""
    return bool(2 * np.count_nonzero(counts % 3 == 2) > len(counts))


def _note_columns(
    table: _NumberList, bad: Mask, head: int, landmarks: int, problems: Problems
) -> None:
    need = f'{1 + head + 3 * landmarks}, or {25 + head} with zeros at the end'
    if landmarks == 8:
        need = f'{25 + head}'
    for row in np.flatnonzero(bad).tolist():
        table.note(
            problems,
            Kind.LIST_COLUMNS,
            row,
            f'{table.counts[row] + 1} columns, expected {need} for {landmarks} landmarks',
        )


def _padding_is_zero(table: _NumberList, rows: IntArray, used: int, problems: Problems) -> Mask:
    """(len(rows),) whether all numbers behind the ``used`` ones are 0; notes the others."""
    rest = table.counts[rows] - used
    good = np.ones(len(rows), dtype=np.bool_)
    padded = np.flatnonzero(rest > 0)
    if len(padded):
        width = int(rest[padded[0]])
        columns = table.offsets[rows[padded]][:, None] + used + np.arange(width)
        good[padded] = ~table.numbers[columns].any(axis=1)
    for row in rows[~good].tolist():
        table.note(
            problems,
            Kind.LIST_COLUMNS,
            row,
            'landmarks behind the last one of its clothes type; expected zeros',
        )
    return good


def _convert_visibility(
    table: _NumberList,
    keypoints: npt.NDArray[np.float64],
    types: npt.NDArray[np.int8],
    usable: Mask,
    problems: Problems,
) -> Mask:
    """Turn the lists' codes into COCO's, in place; (M,) whether a line's codes are known."""
    codes = keypoints[..., 2]
    bad: Mask = np.any(~np.isin(codes, (0, 1, 2)), axis=1)
    for row in np.flatnonzero(bad & usable).tolist():
        table.note(
            problems,
            Kind.LIST_COLUMNS,
            row,
            f'visibilities {codes[row].tolist()}: use 0 visible, 1 occluded, 2 cut off',
        )
    keypoints[..., 2] = np.where(HAS_LANDMARK[types], 2 - codes, 0)
    return ~bad


def _parse_splits(table: _TextList, problems: Problems) -> npt.NDArray[np.int8]:
    """(M,) split of each line, -1 where it is unknown."""
    number_of = {name: number for number, name in enumerate(SPLITS)}
    splits = np.array([number_of.get(rest.strip(), -1) for rest in table.rests], dtype=np.int8)
    for row in np.flatnonzero(splits < 0).tolist():
        table.note(problems, Kind.PARTITION, row, repr(table.rests[row].strip()))
    return splits


def _match(
    landmarks: _TextList, other: _TextList, usable: Mask, other_usable: Mask, problems: Problems
) -> IntArray:
    """(M,) line of another list for each line of the landmark list; -1 where there is none.

    Notes images that only one of the two lists has; lines that have been noted are left out.
    """
    count = len(landmarks.names)
    if np.array_equal(landmarks.names, other.names):
        return np.where(other_usable & other.is_first, np.arange(count), -1)
    order = np.argsort(landmarks.names)
    place = np.searchsorted(landmarks.names, other.names, sorter=order)
    row = order[np.minimum(place, count - 1)] if count else np.zeros(len(place), np.int64)
    known: Mask = np.zeros(len(place), dtype=np.bool_)
    if count:
        known = np.equal(landmarks.names[row], other.names)
    for line in np.flatnonzero(~known).tolist():
        detail = f'{_text(other.names[line])} is not in {landmarks.path.name}'
        other.note(problems, Kind.UNKNOWN_IMAGE, line, detail)
    mentioned = np.zeros(count, dtype=np.bool_)
    mentioned[row[known]] = True
    for line in np.flatnonzero(~mentioned & usable).tolist():
        detail = f'{_text(landmarks.names[line])} is not in {other.path.name}'
        landmarks.note(problems, Kind.UNKNOWN_IMAGE, line, detail)
    found = np.full(count, -1, dtype=np.int64)
    good = known & other_usable & other.is_first
    found[row[good]] = np.flatnonzero(good)
    return found


def _parse_numbers(text: str, expected: int) -> npt.NDArray[np.float64] | None:
    """All numbers of a text; None when something in it is no finite number."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('error', DeprecationWarning)
            numbers = np.fromstring(text, dtype=np.float64, sep=' ')
    except (DeprecationWarning, ValueError):
        return None
    # An empty text is one number, -1 or so, in some releases of numpy.
    numbers = numbers[:expected] if expected == 0 else numbers
    return numbers if len(numbers) == expected and np.isfinite(numbers).all() else None


def _floats(text: str) -> npt.NDArray[np.float64] | None:
    try:
        numbers = np.array([float(word) for word in text.split()])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _is_entry(line: str) -> bool:
    """Whether this is an entry (or nothing) in place of the column names."""
    words = line.split()
    return not words or _floats(words[-1]) is not None or words[-1] in SPLITS


def _text(name: bytes) -> str:
    return bytes(name).decode('utf-8')
