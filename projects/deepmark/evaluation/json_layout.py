# SPDX-License-Identifier: Apache-2.0
"""The official JSON files of DeepFashion2, read into packed rows; anybody's, with what they vary.

Truth is COCO with dense landmarks: x, y, v of all slots (294) for every annotation, zero outside
the category's own. Results are a list of ``{image_id, category_id, bbox (x y w h), score, keypoints
(dense)}``. Read as well: a list of the category's own landmarks alone, none at all, whole numbers,
further keys, ``.json.gz``. Areas are not read: the official area is that of the box.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np

from deepmark.datasets.coco_file import load_coco
from deepmark.datasets.problems import DatasetError
from deepmark.evaluation.category_names import refuse_other_names
from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.garment_rows import DetectionRows, FloatArray, IntArray, TruthRows
from deepmark.evaluation.json_entries import EntryReader, first_character
from deepmark.evaluation.result_checks import refuse_repetition, refuse_repetitions
from deepmark.json_file import JsonFileError, decode_json
from deepmark.schema import LandmarkSchema, SchemaError, get_schema

_Id = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
_Level = Annotated[int, msgspec.Meta(ge=0, le=3)]
_Numbers = list[int | float]  # faster than list[float]: nearly all are 0
_Box = tuple[float, float, float, float]


class _ImageRecord(msgspec.Struct, gc=False):
    id: _Id
    file_name: str = ''
    width: int = 0
    height: int = 0


class _TruthRecord(msgspec.Struct, gc=False):
    image_id: _Id
    category_id: int
    bbox: _Box
    id: _Id | None = None
    keypoints: _Numbers | None = None
    iscrowd: int | bool = 0
    scale: _Level = 0
    occlusion: _Level = 0
    zoom_in: _Level = 0
    viewpoint: _Level = 0


class _ResultRecord(msgspec.Struct, gc=False):
    image_id: _Id
    category_id: int
    score: float
    bbox: _Box | None = None
    keypoints: _Numbers | None = None


class TruthFile(NamedTuple):
    """What a truth file says.

    Attributes:
        image_ids: (I,) ids of all its images, in the order of the file.
        rows: the garments.
        file_names: (I,) of the images, '' where the file does not say.
        image_wh: (I, 2) width and height in pixels, 0 0 where the file does not say.
    """

    image_ids: IntArray
    rows: TruthRows
    file_names: list[str]
    image_wh: IntArray


class ResultFile(NamedTuple):
    """What a result file says; without boxes, ``rows`` has the extents of the landmarks."""

    rows: DetectionRows
    has_boxes: bool


@dataclass
class _Columns:
    """The rows of a file as they are read: plain numbers, 8 bytes each."""

    schema: LandmarkSchema
    dense: bool = False
    image_ids: array[int] = field(default_factory=lambda: array('q'))
    labels: array[int] = field(default_factory=lambda: array('q'))
    boxes: array[float] = field(default_factory=lambda: array('d'))
    scores: array[float] = field(default_factory=lambda: array('d'))
    keypoints: array[float] = field(default_factory=lambda: array('d'))
    num_with_box: int = 0
    num_with_keypoints: int = 0

    def __post_init__(self) -> None:
        self._bounds: list[int] = (3 * self.schema.slot_offsets).tolist()

    def add(self, image_id: int, category_id: int, box: _Box | None, title: str) -> int:
        """A garment without its landmarks; gives its label."""
        try:
            label = self.schema.label_of(category_id)
        except SchemaError as error:
            raise EvaluationError(
                f'{title}: category_id: {error}. Fix: correct it, or give the schema of the file'
            ) from error
        self.image_ids.append(image_id)
        self.labels.append(label)
        self.boxes.extend(box or (0.0, 0.0, 0.0, 0.0))
        self.num_with_box += box is not None
        return label

    def own_numbers(self, values: _Numbers, label: int, title: str) -> _Numbers:
        """x, y, v of the own landmarks of a dense list or of a list of these alone."""
        start, stop = self._bounds[label : label + 2]
        if len(values) == self._bounds[-1]:
            return values[start:stop]
        if self.dense or len(values) != stop - start:
            own = f' or {stop - start} ({self.schema.class_names[label]})'
            raise EvaluationError(
                f'{title}: keypoints has {len(values)} numbers, expected {self._bounds[-1]} (all '
                f'landmarks){"" if self.dense else own}. Fix: write x, y, v of each landmark'
            )
        return values


def read_truth(
    path: str | os.PathLike[str], schema: LandmarkSchema | str | None = None
) -> TruthFile:
    """Read an official annotation file.

    Raises:
        EvaluationError: naming the file and the annotation, for unknown categories and images,
            categories of another name, a wrong number of landmarks, missing keys, ids that occur
            twice, results in the place of truth, and files that do not parse.
        OSError: the file cannot be opened.
    """
    if Path(path).is_file() and first_character(path) == '[':
        raise EvaluationError(
            f"{path}: a JSON list, as results are; truth is an object with 'images' and "
            "'annotations'. Fix: give the truth first, then the results"
        )
    try:
        content, schema = load_coco(Path(path)), get_schema(schema)
        refuse_other_names(content.categories, schema, path)
        images = [
            decode_json(raw, _ImageRecord, f'{path}: images[{number}]')
            for number, raw in enumerate(content.images)
        ]
        rows, ids = _truth_rows(path, content.annotations, schema)
    except DatasetError as error:
        raise EvaluationError(str(error)) from error
    except JsonFileError as error:
        raise EvaluationError(
            f'{error}. Fix: correct this entry (NaN and Infinity are no numbers)'
        ) from error
    image_ids = np.array([image.id for image in images], np.int64)
    refuse_repetition(image_ids, f'{path}: images', 'id', 'give each image an id of its own')
    refuse_repetition(ids, f'{path}: annotations', 'id', 'give each annotation an id of its own')
    unknown = np.flatnonzero(~np.isin(rows.image_ids, image_ids))
    if len(unknown):
        raise EvaluationError(
            f'{path}: annotations[{unknown[0]}]: image_id {rows.image_ids[unknown[0]]} is not '
            f"among 'images' ({len(unknown)} such annotations). Fix: add the images to the file"
        )
    sizes = np.array([(image.width, image.height) for image in images], np.int64)
    return TruthFile(image_ids, rows, [image.file_name for image in images], sizes.reshape(-1, 2))


def _truth_rows(
    path: str | os.PathLike[str], annotations: Iterable[msgspec.Raw] | None, schema: LandmarkSchema
) -> tuple[TruthRows, IntArray]:
    """The garments, and those ids of annotations that the file gives."""
    if annotations is None:
        raise EvaluationError(
            f"{path}: annotations: missing key. Fix: give truth; the file holds 'images' alone"
        )
    columns, ids, crowd, levels = _Columns(schema), array('q'), [], array('q')
    for number, raw in enumerate(annotations):
        title = f'{path}: annotations[{number}]'
        record = decode_json(raw, _TruthRecord, title)
        label = columns.add(record.image_id, record.category_id, record.bbox, title)
        own = [0.0] * (3 * int(schema.num_keypoints[label]))
        if record.keypoints:
            own = columns.own_numbers(record.keypoints, label, title)
        columns.keypoints.fromlist(own)
        crowd.append(bool(record.iscrowd))
        levels.extend((record.scale, record.occlusion, record.zoom_in, record.viewpoint))
        if record.id is not None:
            ids.append(record.id)
    attributes = _integers(levels).reshape(-1, 4)
    rows = TruthRows(
        image_ids=_integers(columns.image_ids),
        labels=_integers(columns.labels),
        boxes_xywh=_floats(columns.boxes, 4),
        crowd=np.array(crowd, np.bool_),
        keypoints=_floats(columns.keypoints, 3),
        attributes=attributes if attributes.any() else None,
    )
    return rows, _integers(ids)


def read_detections(
    path: str | os.PathLike[str], schema: LandmarkSchema | str | None = None
) -> DetectionRows:
    """Read an official result file; the landmarks' third column is not used.

    Landmarks outside the predicted category are dropped: they are not read by OKS, but for garments
    without labelled landmarks in the 'official' mode, where they are taken as (0, 0).

    Raises:
        EvaluationError: naming the file, the entry and the key, for what :func:`read_truth` finds
            in results, for rows that occur twice, and when only some results have landmarks.
        OSError: the file cannot be opened.
    """
    return read_results(path, schema).rows


def read_results(
    path: str | os.PathLike[str], schema: LandmarkSchema | str | None = None, dense: bool = False
) -> ResultFile:
    """:func:`read_detections`, telling files of landmarks alone, without ``bbox``.

    Args:
        path: the file.
        schema: categories and landmarks.
        dense: insist on landmarks of all slots.
    """
    schema = get_schema(schema)
    columns = _Columns(schema, dense)
    for number, record in enumerate(EntryReader(path, _ResultRecord, 'results')):
        _add_result(columns, record, f'{path}: [{number}]')
    count = len(columns.labels)
    _refuse_mixture(columns.num_with_keypoints, count, 'keypoints', path)
    _refuse_mixture(columns.num_with_box, count, 'bbox', path)
    if count and not columns.num_with_box + columns.num_with_keypoints:
        raise EvaluationError(f'{path}: results have neither bbox nor keypoints. Fix: add them')
    has_boxes = count == 0 or columns.num_with_box == count
    labels = _integers(columns.labels)
    keypoints = _floats(columns.keypoints, 2) if columns.num_with_keypoints == count else None
    rows = DetectionRows(
        image_ids=_integers(columns.image_ids),
        labels=labels,
        boxes_xywh=_floats(columns.boxes, 4)
        if has_boxes
        else _extents(keypoints, schema.num_keypoints[labels]),
        scores=_floats(columns.scores),
        keypoints=keypoints,
    )
    refuse_repetitions(rows, schema, path)
    return ResultFile(rows, has_boxes)


def _add_result(columns: _Columns, record: _ResultRecord, title: str) -> None:
    label = columns.add(record.image_id, record.category_id, record.bbox, title)
    columns.scores.append(record.score)
    if record.keypoints is not None:
        own = columns.own_numbers(record.keypoints, label, title)
        del own[2::3]
        columns.keypoints.fromlist(own)
        columns.num_with_keypoints += 1


def _refuse_mixture(found: int, count: int, key: str, path: str | os.PathLike[str]) -> None:
    if found not in (0, count):
        raise EvaluationError(
            f'{path}: {found} of {count} results have {key}. Fix: give all of them {key}, or none'
        )


def _extents(keypoints: FloatArray | None, counts: IntArray) -> FloatArray:
    """(N, 4) x y w h of the smallest boxes around each garment's landmarks."""
    assert keypoints is not None
    starts = np.cumsum(counts) - counts
    low = np.minimum.reduceat(keypoints, starts, axis=0)
    return np.hstack([low, np.maximum.reduceat(keypoints, starts, axis=0) - low])


def _integers(values: array[int]) -> IntArray:
    return np.frombuffer(values, np.int64) if values else np.zeros(0, np.int64)


def _floats(values: array[float], columns: int | None = None) -> Any:
    flat = np.frombuffer(values, np.float64) if values else np.zeros(0)
    return flat if columns is None else flat.reshape(-1, columns)
