# SPDX-License-Identifier: Apache-2.0
"""The official JSON files of DeepFashion2 to and from packed rows.

Truth is COCO with dense landmarks: x, y, v of all slots (294) for every annotation, zero outside
the category's own; an annotation with only its own landmarks is accepted too. Results are a list of
``{image_id, category_id, bbox (x y w h), score, keypoints (dense)}``. ``.json.gz`` is read as well.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np

from deepmark.atomic_write import atomic_write
from deepmark.evaluation.garment_rows import (
    DetectionRows,
    FloatArray,
    IntArray,
    TruthRows,
    keypoint_offsets,
)
from deepmark.schema import LandmarkSchema, SchemaError, get_schema

_Content = TypeVar('_Content')


class _ImageRecord(msgspec.Struct):
    id: int


class _TruthFile(msgspec.Struct):
    images: list[_ImageRecord]
    annotations: list[msgspec.Raw]


class _TruthRecord(msgspec.Struct):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    keypoints: list[float] | None = None
    iscrowd: int = 0


class _ResultRecord(msgspec.Struct):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    score: float
    keypoints: list[float] | None = None


class TruthFile(NamedTuple):
    """What a truth file says: (I,) ids of all its images, and the garments."""

    image_ids: IntArray
    rows: TruthRows


def read_truth(
    path: str | os.PathLike[str], schema: LandmarkSchema | str | None = None
) -> TruthFile:
    """Read an official annotation file.

    Raises:
        ValueError: naming the file and the annotation, for unknown categories, a wrong number of
            landmarks, missing keys and files that do not parse.
        OSError: the file cannot be opened.
    """
    schema = get_schema(schema)
    content = _decode(_read_bytes(path), _TruthFile, f'{path}')
    labels, records, points = [], [], []
    for number, raw in enumerate(content.annotations):
        title = f'{path}: annotations[{number}]'
        record = _decode(raw, _TruthRecord, title)
        label = _label(record.category_id, schema, title)
        points.append(_own_columns(record.keypoints, label, schema, title))
        labels.append(label)
        records.append(record)
    rows = TruthRows(
        image_ids=np.array([r.image_id for r in records], np.int64),
        labels=np.array(labels, np.int64),
        boxes_xywh=np.array([r.bbox for r in records], np.float64).reshape(-1, 4),
        crowd=np.array([r.iscrowd for r in records], np.bool_),
        keypoints=np.concatenate([np.zeros((0, 3)), *points]),
    )
    return TruthFile(np.array([image.id for image in content.images], np.int64), rows)


def read_detections(
    path: str | os.PathLike[str], schema: LandmarkSchema | str | None = None
) -> DetectionRows:
    """Read an official result file; the landmarks' third column is not used.

    Landmarks outside the predicted category are dropped: they are not read by OKS, but for garments
    without labelled landmarks in the 'official' mode, where they are taken as (0, 0).

    Raises:
        ValueError: as :func:`read_truth`; also when only some results have landmarks.
        OSError: the file cannot be opened.
    """
    schema = get_schema(schema)
    labels, records, points = [], [], []
    for number, raw in enumerate(_decode(_read_bytes(path), list[msgspec.Raw], f'{path}')):
        title = f'{path}: [{number}]'
        record = _decode(raw, _ResultRecord, title)
        label = _label(record.category_id, schema, title)
        if record.keypoints is not None:
            points.append(_own_columns(record.keypoints, label, schema, title)[:, :2])
        labels.append(label)
        records.append(record)
    if len(points) not in (0, len(records)):
        raise ValueError(
            f'{path}: {len(points)} of {len(records)} results have keypoints; all must'
        )
    all_points = np.concatenate([np.zeros((0, 2)), *points])
    return DetectionRows(
        image_ids=np.array([r.image_id for r in records], np.int64),
        labels=np.array(labels, np.int64),
        boxes_xywh=np.array([r.bbox for r in records], np.float64).reshape(-1, 4),
        scores=np.array([r.score for r in records], np.float64),
        keypoints=all_points if len(points) == len(records) else None,
    )


def write_detections(
    path: str | os.PathLike[str],
    rows: DetectionRows,
    schema: LandmarkSchema | str | None = None,
    overwrite: bool = False,
) -> None:
    """Write an official result file; every own landmark gets v = 1, all other slots 0 0 0.

    The numbers are written in full, so that reading them back gives the same figures. Rows without
    landmarks give results without the key ``keypoints``.

    Raises:
        FileExistsError: the file exists and ``overwrite`` is false.
    """
    schema = get_schema(schema)
    with atomic_write(path, overwrite=overwrite) as file:
        file.write(b'[')
        for number, record in enumerate(_result_records(rows, schema)):
            file.write(b',\n' if number else b'\n')
            file.write(msgspec.json.encode(record))
        file.write(b'\n]\n')


def _result_records(rows: DetectionRows, schema: LandmarkSchema) -> Iterator[dict[str, object]]:
    offsets = keypoint_offsets(rows.labels, schema)
    for n, label in enumerate(rows.labels.tolist()):
        record: dict[str, object] = {
            'image_id': int(rows.image_ids[n]),
            'category_id': schema.category_ids[label],
            'bbox': rows.boxes_xywh[n].tolist(),
            'score': float(rows.scores[n]),
        }
        if rows.keypoints is not None:
            own = rows.keypoints[offsets[n] : offsets[n + 1]]
            visible = np.ones((len(own), 1), own.dtype)
            start, stop = 3 * schema.slot_offsets[label : label + 2]
            dense: list[float] = [0] * (3 * schema.num_slots)
            dense[start:stop] = np.hstack([own, visible]).ravel().tolist()
            record['keypoints'] = dense
        yield record


def _read_bytes(path: str | os.PathLike[str]) -> bytes:
    data = Path(path).read_bytes()
    if not str(path).endswith('.gz'):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f'{path}: not a whole gzip file ({error})') from error


def _decode(data: bytes | msgspec.Raw, kind: type[_Content], title: str) -> _Content:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise ValueError(f'{title}: {error}') from error


def _label(category_id: int, schema: LandmarkSchema, title: str) -> int:
    try:
        return schema.label_of(category_id)
    except SchemaError as error:
        raise ValueError(f'{title}: category_id: {error}') from error


def _own_columns(
    keypoints: list[float] | None, label: int, schema: LandmarkSchema, title: str
) -> FloatArray:
    """(K_c, 3) own landmarks of a dense or compact list; no list means none labelled."""
    own = int(schema.num_keypoints[label])
    if not keypoints:
        return np.zeros((own, 3))
    if len(keypoints) not in (3 * own, 3 * schema.num_slots):
        raise ValueError(
            f'{title}: keypoints has {len(keypoints)} numbers, expected {3 * schema.num_slots} '
            f'(all landmarks) or {3 * own} ({schema.class_names[label]})'
        )
    start = 0 if len(keypoints) == 3 * own else 3 * int(schema.slot_offsets[label])
    return np.array(keypoints[start : start + 3 * own]).reshape(own, 3)
