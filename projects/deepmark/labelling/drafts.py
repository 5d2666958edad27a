# SPDX-License-Identifier: Apache-2.0
"""From what a labelling tool holds to :class:`PackedRecords`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deepmark.datasets.image_size import image_ids_of, read_image_size
from deepmark.datasets.packing import ImageRow, ItemRow, pack
from deepmark.datasets.records import PackedRecords
from deepmark.labelling.garment_facts import GarmentFacts
from deepmark.labelling.mistakes import ElementError, Mistakes
from deepmark.schema import LandmarkSchema, SchemaError

Landmarks = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]


@dataclass
class GarmentDraft:
    """One garment: ``keypoints`` (K_c, 3) x, y, v; ``box`` x1 y1 x2 y2, None where not drawn."""

    label: int
    keypoints: Landmarks
    box: Box | None
    facts: GarmentFacts


@dataclass
class ImageDraft:
    """One image, ``file_name`` relative to the image folder."""

    file_name: str
    width: int
    height: int
    garments: list[GarmentDraft] = field(default_factory=list)


@dataclass(frozen=True)
class Imported:
    """What a file held, and what the user should know about it (one line each)."""

    packed: PackedRecords
    notes: Sequence[str] = ()


def pack_drafts(images: Sequence[ImageDraft], mistakes: Mistakes) -> PackedRecords:
    """Number and pack what was read.

    Images get the number in their file names as their id, or are numbered from 1, as everywhere in
    this project; garments are numbered from 1. A garment without a box gets that of its labelled
    landmarks.

    Raises:
        LabellingError: nothing to pack, an image twice, or earlier mistakes.
    """
    names = [image.file_name for image in images]
    for name in (name for name, count in Counter(names).items() if count > 1):
        mistakes.found.append(f'{mistakes.file}: {name}: this image stands there twice')
    if not images:
        mistakes.found.append(f'{mistakes.file}: no labelled images')
    mistakes.report()
    ids = image_ids_of(names)
    if len(set(ids)) < len(ids):  # 'a/1.jpg' and 'b/1.jpg'
        ids = list(range(1, len(names) + 1))
    rows, number = [], 0
    for image, image_id in zip(images, ids, strict=True):
        row = ImageRow(image.file_name, image_id, image.width, image.height)
        for garment in image.garments:
            number += 1
            row.items.append(_item(garment, number))
        rows.append(row)
    return pack(rows)


def label_named(name: str, schema: LandmarkSchema) -> int:
    """Label of a category's name or alias.

    Raises:
        ElementError: no such category.
    """
    try:
        return schema.label_of_name(name)
    except SchemaError as error:
        raise ElementError(
            f'unknown label: {error}. Fix: use the labels of `labelling.py config`, or --schema '
            'with your own'
        ) from error


def landmark_named(name: str, label: int, schema: LandmarkSchema) -> int:
    """Index of a landmark inside its category.

    Raises:
        ElementError: the category has no such landmark.
    """
    category = schema.categories[label]
    try:
        return category.keypoint_names.index(name)
    except ValueError:
        raise ElementError(
            f"unknown label: '{category.name}' has no landmark {name!r} "
            f'(it has {", ".join(category.keypoint_names)})'
        ) from None


def checked_box(x1: float, y1: float, x2: float, y2: float) -> Box:
    """The box.

    Raises:
        ElementError: it has no width or no height, or is not finite.
    """
    if not (np.isfinite([x1, y1, x2, y2]).all() and x2 > x1 and y2 > y1):
        raise ElementError(
            f'the box {x1:g}, {y1:g}, {x2:g}, {y2:g} (x1 y1 x2 y2) has no area. Fix: draw it again'
        )
    return x1, y1, x2, y2


def box_around(keypoints: Landmarks) -> Box:
    """The box of the labelled landmarks, for a garment that has none of its own.

    Raises:
        ElementError: they span no area.
    """
    labelled = keypoints[keypoints[:, 2] > 0, :2]
    if not len(labelled) or not np.all(np.ptp(labelled, axis=0) > 0):
        raise ElementError(
            f'{len(labelled)} labelled landmarks span no area, and there is no box. Fix: draw the '
            "garment's box"
        )
    (x1, y1), (x2, y2) = labelled.min(axis=0).tolist(), labelled.max(axis=0).tolist()
    return x1, y1, x2, y2


def image_size(
    name: str, width: object, height: object, image_folder: Path | None
) -> tuple[int, int]:
    """Width and height, from the tool's file or else from the image.

    Raises:
        ElementError: neither says.
    """
    try:
        size = int(str(width)), int(str(height))
    except ValueError:
        size = 0, 0
    if min(size) > 0:
        return size
    if image_folder is None:
        raise ElementError(
            f'the size of {name} is missing (width {width!r}, height {height!r}). Fix: give the '
            'folder of the photos with --images'
        )
    try:
        return read_image_size(image_folder / name)
    except OSError as error:
        raise ElementError(
            f'the size of {name} is missing, and {image_folder / name} cannot be read ({error})'
        ) from error


def _item(garment: GarmentDraft, number: int) -> ItemRow:
    assert garment.box is not None
    x1, y1, x2, y2 = np.array(garment.box, np.float32).tolist()  # as they will be stored
    return ItemRow(
        label=garment.label,
        bbox=(x1, y1, x2, y2),
        keypoints=garment.keypoints,
        position=number - 1,
        area=(x2 - x1) * (y2 - y1),
        ignore=garment.facts.ignore,
        attributes=garment.facts.attributes,
        pair_id=garment.facts.pair_id,
        source=garment.facts.source,
        annotation_id=number,
    )
