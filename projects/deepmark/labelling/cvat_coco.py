# SPDX-License-Identifier: Apache-2.0
"""What CVAT exports as 'COCO Keypoints 1.0'.

Other than DeepFashion2's official file: categories are numbered by CVAT and told apart by their
names, every category has its own list of ``keypoints`` (and appears once more for each of its
points), and the garment's facts stand in ``attributes``. Visibility is COCO's: 0, 1, 2.
'CVAT for images 1.1' holds more: rectangles have no group here, so a garment's box is the one that
CVAT derives, and boxes without landmarks cannot be read.

Source: docs.cvat.ai, COCO Keypoints; cocodataset.org, data format.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from deepmark.json_file import decode_json
from deepmark.labelling.cvat_labels import BOX_LABEL
from deepmark.labelling.drafts import (
    Box,
    GarmentDraft,
    ImageDraft,
    Imported,
    Landmarks,
    box_around,
    checked_box,
    image_size,
    label_named,
    landmark_named,
    pack_drafts,
)
from deepmark.labelling.garment_facts import GarmentFacts
from deepmark.labelling.mistakes import ElementError, Mistakes
from deepmark.schema import LandmarkSchema


class CvatCategory(msgspec.Struct):
    """A skeleton, or one of its points."""

    id: int
    name: str
    keypoints: list[str] = []


class CvatImage(msgspec.Struct):
    """An image; CVAT writes its size."""

    id: int
    file_name: str
    width: int | None = None
    height: int | None = None


class CvatAnnotation(msgspec.Struct):
    """A garment."""

    id: int
    image_id: int
    category_id: int
    bbox: list[float] = []
    keypoints: list[float] = []
    iscrowd: int = 0
    attributes: dict[str, Any] = {}


class CvatCoco(msgspec.Struct):
    """The file."""

    images: list[CvatImage]
    categories: list[CvatCategory]
    annotations: list[CvatAnnotation]


def read_cvat_coco(
    data: bytes, title: str, schema: LandmarkSchema, image_folder: Path | None = None
) -> Imported:
    """Read the JSON of an export.

    Raises:
        JsonFileError: no JSON, or not of this layout.
        LabellingError: names every annotation that cannot be used.
    """
    content = decode_json(data, CvatCoco, title)
    mistakes = Mistakes(title)
    images: dict[int, ImageDraft] = {}
    for number, image in enumerate(content.images):
        with mistakes.at(f'images[{number}]'):
            size = image_size(image.file_name, image.width, image.height, image_folder)
            images[image.id] = ImageDraft(image.file_name, *size)
    left_out: Counter[str] = Counter()
    categories = {category.id: category for category in content.categories}
    for number, annotation in enumerate(content.annotations):
        with mistakes.at(f'annotations[{number}] (id {annotation.id})'):
            category = categories.get(annotation.category_id)
            if category is None or annotation.image_id not in images:
                missing = 'category' if category is None else 'image'
                raise ElementError(f'its {missing} is not in the file. Fix: export it again')
            if category.name == BOX_LABEL:
                left_out[BOX_LABEL] += 1
                continue
            images[annotation.image_id].garments.append(_garment(annotation, category, schema))
    notes = [
        f"{count} rectangles called '{name}' left out: this format does not say whose they are. "
        "Export 'CVAT for images 1.1' to keep them"
        for name, count in left_out.items()
    ]
    return Imported(pack_drafts(list(images.values()), mistakes), notes)


def _garment(
    annotation: CvatAnnotation, category: CvatCategory, schema: LandmarkSchema
) -> GarmentDraft:
    label = label_named(category.name, schema)
    keypoints = _keypoints(annotation, category, label, schema)
    texts = {name: _text(value) for name, value in annotation.attributes.items()}
    facts = GarmentFacts.of_texts(texts)
    if annotation.iscrowd:
        facts = GarmentFacts(facts.attributes, facts.pair_id, facts.source, ignore=True)
    return GarmentDraft(label, keypoints, _box(annotation, keypoints), facts)


def _keypoints(
    annotation: CvatAnnotation, category: CvatCategory, label: int, schema: LandmarkSchema
) -> Landmarks:
    names = category.keypoints or list(schema.categories[label].keypoint_names)
    count = int(schema.num_keypoints[label])
    if len(annotation.keypoints) != 3 * len(names) or len(names) != count:
        raise ElementError(
            f'keypoints has {len(annotation.keypoints)} numbers for {len(names)} points, but '
            f"'{category.name}' has {count} landmarks of x, y, v. Fix: use the labels of "
            '`labelling.py config`'
        )
    rows = np.asarray(annotation.keypoints, np.float32).reshape(-1, 3)
    if not np.isin(rows[:, 2], (0, 1, 2)).all() or not np.isfinite(rows).all():
        raise ElementError('keypoints: v must be 0, 1 or 2, and x and y finite')
    keypoints = np.zeros_like(rows)
    keypoints[[landmark_named(name, label, schema) for name in names]] = rows
    keypoints[keypoints[:, 2] == 0] = 0
    return keypoints


def _box(annotation: CvatAnnotation, keypoints: Landmarks) -> Box:
    if len(annotation.bbox) == 4 and min(annotation.bbox[2:]) > 0:
        x, y, width, height = annotation.bbox
        return checked_box(x, y, x + width, y + height)
    return box_around(keypoints)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
