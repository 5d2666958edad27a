# SPDX-License-Identifier: Apache-2.0
"""mmpose's COCO-style files of FLD: reading and writing.

mmpose has a file for each clothes type and split (``fld_upper_train.json``, ...), with 6, 4 or 8
landmarks; COCO's visibilities (see ``fashion_records``); boxes x y w h. Ours may also hold all
types in one file, with eight landmarks and the key ``clothes_type``, from which the raw lists can
be made again; mmpose's own data set reads those too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from deepmark.atomic_write import atomic_write
from deepmark.datasets.fashion_records import (
    FULL,
    LANDMARKS,
    LOWER,
    SLOTS,
    SPLITS,
    TYPE_NAMES,
    UPPER,
    FashionRecords,
)
from deepmark.datasets.problems import DatasetError, Kind, Problems
from deepmark.json_file import decode_json, read_json_bytes

Subset = Literal['all', 'upper', 'lower', 'full']
SUBSETS: tuple[Subset, ...] = ('all', 'upper', 'lower', 'full')
_TYPE_OF_COUNT = {6: UPPER, 4: LOWER, 8: FULL}


class _Image(msgspec.Struct):
    id: int
    file_name: str
    width: int = 0
    height: int = 0


class _Annotation(msgspec.Struct):
    id: int
    image_id: int
    bbox: tuple[float, float, float, float]
    keypoints: list[float]
    clothes_type: int | None = None
    variation_type: int = 0


class _File(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]


class CocoResult(NamedTuple):
    """Records, image sizes and, for messages, the places in the file.

    Attributes:
        records: in the order of the file.
        sizes: (N, 2) width and height of the images as the file says; 0 0 where it does not.
        file: the file.
        positions: (N,) index of each garment among the file's annotations.
    """

    records: FashionRecords
    sizes: npt.NDArray[np.int64]
    file: Path
    positions: list[int]

    def locate(self, row: int) -> tuple[str, str]:
        """File and key of a garment's box."""
        return str(self.file), f'annotations[{self.positions[row]}].bbox'


def read_fashion_coco(
    path: str | os.PathLike[str], problems: Problems, split: str = 'train'
) -> CocoResult:
    """Read a COCO-style file.

    Args:
        path: ``.json`` or ``.json.gz``.
        problems: receives what is wrong with annotations, which are then left out.
        split: what the records say.

    Raises:
        DatasetError: the file is missing.
        JsonFileError: it is no JSON of this kind.
    """
    file = Path(path)
    if not file.is_file():
        raise DatasetError(f'{file}: there is no such file. Fix: check data_root and ann_file')
    content = decode_json(read_json_bytes(file), _File, str(file))
    images = {image.id: image for image in content.images}
    seen: set[int] = set()
    rows: list[int] = []
    for position, annotation in enumerate(content.annotations):
        wrong = _wrong(annotation, images, seen)
        seen.add(annotation.id)
        if wrong is None:
            rows.append(position)
        else:
            problems.add(wrong[0], str(file), f'annotations[{position}].{wrong[1]}', wrong[2])
    annotations = [content.annotations[row] for row in rows]
    owners = [images[annotation.image_id] for annotation in annotations]
    sizes = np.array([(image.width, image.height) for image in owners], dtype=np.int64)
    records = _records(annotations, [image.file_name for image in owners], split)
    return CocoResult(records, sizes.reshape(-1, 2), file, rows)


def _wrong(
    annotation: _Annotation, images: Mapping[int, _Image], seen: set[int]
) -> tuple[Kind, str, str] | None:
    """Kind, key and detail of what is wrong with an annotation."""
    count, rest = divmod(len(annotation.keypoints), 3)
    if annotation.image_id not in images:
        return Kind.UNKNOWN_IMAGE, 'image_id', str(annotation.image_id)
    if annotation.id in seen:
        return Kind.DUPLICATE_ID, 'id', str(annotation.id)
    if rest or count not in _TYPE_OF_COUNT:
        detail = f'{len(annotation.keypoints)} numbers; expected 3 x 6, 3 x 4 or 3 x 8'
        return Kind.LANDMARK_COUNT, 'keypoints', detail
    if annotation.clothes_type is not None and annotation.clothes_type not in SLOTS:
        return Kind.CLOTHES_TYPE, 'clothes_type', str(annotation.clothes_type)
    if not set(annotation.keypoints[2::3]) <= {0, 1, 2}:
        return Kind.VISIBILITY, 'keypoints', str(annotation.keypoints[2::3])
    return None


def _records(annotations: list[_Annotation], names: list[str], split: str) -> FashionRecords:
    count = len(annotations)
    keypoints = np.zeros((count, len(LANDMARKS), 3))
    types = np.zeros(count, dtype=np.int8)
    for row, annotation in enumerate(annotations):
        points = np.array(annotation.keypoints).reshape(-1, 3)
        layout = _TYPE_OF_COUNT[len(points)]
        keypoints[row, list(SLOTS[layout])] = points
        types[row] = annotation.clothes_type or layout
    boxes = np.array([annotation.bbox for annotation in annotations]).reshape(-1, 4)
    return FashionRecords(
        names=np.array([name.encode() for name in names] or [b''])[:count],
        ids=np.array([annotation.id for annotation in annotations], dtype=np.int64),
        image_ids=np.array([annotation.image_id for annotation in annotations], dtype=np.int64),
        splits=np.full(count, SPLITS.index(split), dtype=np.int8),
        clothes_types=types,
        variations=np.array([a.variation_type for a in annotations], dtype=np.int8),
        bboxes=np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1),
        keypoints=keypoints,
    )


def write_fashion_coco(
    path: str | os.PathLike[str],
    records: FashionRecords,
    sizes: npt.NDArray[np.int64],
    subset: Subset = 'all',
    overwrite: bool = False,
) -> int:
    """Write a COCO-style file.

    Args:
        path: target.
        records: garments of one split.
        sizes: (N, 2) width and height of their images.
        subset: clothes type to write, with its own landmarks; 'all' writes every garment with
            eight.
        overwrite: replace an existing file.

    Returns:
        How many garments it has.

    Raises:
        FileExistsError: the file exists and ``overwrite`` is not set.
    """
    types = {name: number for number, name in TYPE_NAMES.items()}
    keep = np.ones(len(records), dtype=np.bool_)
    if subset != 'all':
        keep = records.clothes_types == types[subset]
    chosen, slots = records.take(keep), SLOTS[types.get(subset, FULL)]
    content = {
        'info': {'description': f'fashion landmarks, {subset} body clothes', 'version': '1.0'},
        'categories': [
            {
                'supercategory': 'person',
                'id': 1,
                'name': 'fashion',
                'keypoints': [LANDMARKS[slot] for slot in slots],
                'skeleton': [],
            }
        ],
        'images': _image_rows(chosen, sizes[keep]),
        'annotations': [annotation_of(chosen, row, slots) for row in range(len(chosen))],
    }
    with atomic_write(path, overwrite) as file:
        file.write(msgspec.json.encode(content))
    return len(chosen)


def _image_rows(records: FashionRecords, sizes: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
    _, first = np.unique(records.image_ids, return_index=True)
    return [
        {
            'id': int(records.image_ids[row]),
            'file_name': records.name(row),
            'width': int(sizes[row, 0]),
            'height': int(sizes[row, 1]),
        }
        for row in sorted(first.tolist())
    ]


def annotation_of(
    records: FashionRecords, row: int, slots: tuple[int, ...] = SLOTS[FULL]
) -> dict[str, Any]:
    """COCO annotation of one garment with the landmarks of these slots."""
    x1, y1, x2, y2 = records.bboxes[row].tolist()
    keypoints = records.keypoints[row, list(slots)]
    annotation = {
        'id': int(records.ids[row]),
        'image_id': int(records.image_ids[row]),
        'category_id': 1,
        'bbox': [x1, y1, x2 - x1, y2 - y1],
        'area': (x2 - x1) * (y2 - y1),
        'iscrowd': 0,
        'num_keypoints': int(np.count_nonzero(keypoints[:, 2])),
        'keypoints': keypoints.ravel().tolist(),
        'clothes_type': int(records.clothes_types[row]),
    }
    if records.variations[row]:
        annotation['variation_type'] = int(records.variations[row])
    return annotation
