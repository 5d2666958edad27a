# SPDX-License-Identifier: Apache-2.0
"""Reading what Label Studio exports as JSON (not JSON-MIN); see ``label_studio_tasks``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
import numpy as np

from deepmark.json_file import decode_json
from deepmark.labelling.drafts import (
    GarmentDraft,
    ImageDraft,
    Imported,
    checked_box,
    image_size,
    label_named,
    landmark_named,
    pack_drafts,
)
from deepmark.labelling.garment_facts import GarmentFacts
from deepmark.labelling.label_studio_config import OCCLUDED, VISIBILITY, points_control
from deepmark.labelling.label_studio_tasks import FILE_NAME
from deepmark.labelling.mistakes import ElementError, Mistakes
from deepmark.schema import LandmarkSchema

_OTHER_SHAPES = frozenset(
    {'rectangle', 'keypoint', 'polygon', 'polygonlabels', 'brush', 'brushlabels', 'ellipse'}
    | {'ellipselabels', 'vector', 'vectorlabels', 'bitmask', 'bitmasklabels'}
)
_UPLOADED = re.compile(r'^[0-9a-f]{8}-(?=.)')  # Label Studio's prefix of uploaded files


class Result(msgspec.Struct, rename={'parent_id': 'parentID'}):
    """A region, something said of it, or a relation of two."""

    type: str
    id: str = ''
    from_name: str = ''
    parent_id: str | None = None
    original_width: float | None = None
    original_height: float | None = None
    image_rotation: float | None = 0
    value: dict[str, Any] = {}
    from_id: str = ''
    to_id: str = ''


class Annotation(msgspec.Struct):
    """What one person, or model, says about an image."""

    result: list[Result] = []
    was_cancelled: bool = False
    ground_truth: bool = False


class Task(msgspec.Struct):
    """An image."""

    id: int | str | None = None
    data: dict[str, Any] = {}
    meta: dict[str, Any] | None = None
    annotations: list[Annotation] | None = None
    predictions: list[Annotation] | None = None


def read_label_studio(
    data: bytes,
    title: str,
    schema: LandmarkSchema,
    image_folder: Path | None = None,
    predictions: bool = False,
) -> Imported:
    """Read annotated tasks.

    Args:
        data: the JSON.
        title: name of the file, for messages.
        schema: categories and landmarks.
        image_folder: where the sizes of images without any region are read from.
        predictions: read pre-annotations, where nobody has annotated the task.

    Raises:
        JsonFileError: no JSON, or not of this layout.
        LabellingError: names every task and region that cannot be used.
    """
    tasks = decode_json(data, list[Task], title)
    mistakes = Mistakes(title)
    images, unlabelled, shapes = [], 0, Counter[str]()
    for number, task in enumerate(tasks):
        with mistakes.at(f'[{number}] (task {task.id})' if task.id is not None else f'[{number}]'):
            annotation = _chosen(task, predictions)
            if annotation is None:
                unlabelled += 1
                continue
            shapes.update(r.type for r in annotation.result if r.type in _OTHER_SHAPES)
            images.append(_Regions(task, annotation, schema, mistakes).draft(image_folder))
    notes = [f'{unlabelled} tasks without annotation left out'] if unlabelled else []
    if shapes:
        kinds = ', '.join(f'{count} {kind}' for kind, count in sorted(shapes.items()))
        notes.append(f'regions other than labelled rectangles and keypoints left out: {kinds}')
    if unlabelled == len(tasks) and tasks:
        mistakes.found.append(
            f'{title}: none of {len(tasks)} tasks has an annotation. Fix: export the JSON format '
            '(not JSON-MIN) of a labelled project, or read the pre-annotations with --predictions'
        )
        mistakes.report()
    return Imported(pack_drafts(images, mistakes), notes)


def file_name_of(data: Mapping[str, Any]) -> str:
    """The image's file name, from what the task was made of.

    Example:
        >>> file_name_of({'image': '/data/upload/3/0a1b2c3d-000264.jpg'})
        '000264.jpg'
        >>> file_name_of({'image': '/data/local-files/?d=photos/000264.jpg'})
        'photos/000264.jpg'
        >>> file_name_of({'image': 's3://bucket/x.jpg', 'file_name': 'image/x.jpg'})
        'image/x.jpg'
    """
    if data.get(FILE_NAME):
        return str(data[FILE_NAME])
    url = urlsplit(str(data.get('image') or ''))
    local = parse_qs(url.query).get('d')
    if local:
        return local[0].lstrip('/')
    name = unquote(url.path).rsplit('/', 1)[-1]
    if not name:
        raise ElementError("data.image is missing. Fix: name the image's key 'image' in the tasks")
    return _UPLOADED.sub('', name) if '/upload/' in url.path else name


def _chosen(task: Task, predictions: bool) -> Annotation | None:
    """The annotation that counts; None when there is none."""
    found = [annotation for annotation in task.annotations or () if not annotation.was_cancelled]
    best = [annotation for annotation in found if annotation.ground_truth] or found
    if not found and predictions:
        best = list(task.predictions or ())[:1]
    if len(best) > 1:
        raise ElementError(
            f'{len(best)} annotations of one image. Fix: mark one as the ground truth, or delete '
            'the others'
        )
    return best[0] if best else None


class _Regions:
    """The regions of one image."""

    def __init__(
        self, task: Task, annotation: Annotation, schema: LandmarkSchema, mistakes: Mistakes
    ) -> None:
        self.task, self.results, self.schema = task, annotation.result, schema
        self.mistakes = mistakes
        self.controls = {points_control(schema, n): n for n in range(schema.num_categories)}
        self.said: dict[str, dict[str, str]] = {}
        self.related: dict[str, set[str]] = {}
        self.garments: dict[str, GarmentDraft] = {}

    def draft(self, image_folder: Path | None) -> ImageDraft:
        name = file_name_of(self.task.data)
        image = ImageDraft(name, *self._size(name, image_folder))
        for result in self.results:
            self._collect(result)
        for result in self.results:
            if result.type == 'rectanglelabels':
                with self.mistakes.at(f'{name}: region {result.id}'):
                    self.garments[result.id] = self._garment(result, image)
        for result in self.results:
            if result.type == 'keypointlabels':
                with self.mistakes.at(f'{name}: region {result.id}'):
                    self._place(result, image)
        image.garments += self.garments.values()
        return image

    def _size(self, name: str, image_folder: Path | None) -> tuple[int, int]:
        regions = [result for result in self.results if result.original_width is not None]
        meta = self.task.meta or {}
        width = regions[0].original_width if regions else meta.get('width')
        height = regions[0].original_height if regions else meta.get('height')
        whole = [int(side) if isinstance(side, int | float) else side for side in (width, height)]
        return image_size(name, whole[0], whole[1], image_folder)

    def _collect(self, result: Result) -> None:
        """What is said of regions, and which belong together."""
        if result.type == 'relation':
            self.related.setdefault(result.from_id, set()).add(result.to_id)
            self.related.setdefault(result.to_id, set()).add(result.from_id)
        for key in ('choices', 'text', 'number'):
            if key in result.value and not result.type.endswith('labels'):
                value = result.value[key]
                value = value[0] if isinstance(value, list) and value else value
                self.said.setdefault(result.id, {})[result.from_name] = _plain(value)

    def _garment(self, result: Result, image: ImageDraft) -> GarmentDraft:
        label = label_named(_one_label(result), self.schema)
        x, y = _pixels(result, image, 'x', 'y')
        width, height = _pixels(result, image, 'width', 'height')
        if result.value.get('rotation'):
            raise ElementError('the rectangle is rotated. Fix: draw it upright')
        none = np.zeros((int(self.schema.num_keypoints[label]), 3), np.float32)
        facts = GarmentFacts.of_texts(self.said.get(result.id, {}))
        return GarmentDraft(label, none, checked_box(x, y, x + width, y + height), facts)

    def _place(self, result: Result, image: ImageDraft) -> None:
        """Put a landmark into its garment."""
        if result.from_name not in self.controls:
            raise ElementError(
                f'unknown label: {result.from_name!r} is none of the lists of landmarks. Fix: use '
                'the interface of `labelling.py config`'
            )
        label = self.controls[result.from_name]
        index = landmark_named(_one_label(result), label, self.schema)
        garment = self._owner(result, label)
        name = self.schema.categories[label].keypoint_names[index]
        if garment.keypoints[index, 2] > 0:
            raise ElementError(f"landmark '{name}' stands twice in the same garment")
        x, y = _pixels(result, image, 'x', 'y')
        occluded = self.said.get(result.id, {}).get(VISIBILITY) == OCCLUDED
        garment.keypoints[index] = x, y, 1 if occluded else 2

    def _owner(self, result: Result, label: int) -> GarmentDraft:
        category = self.schema.class_names[label]
        named = {result.parent_id or '', *self.related.get(result.id, ())} & self.garments.keys()
        if result.parent_id and not named:
            raise ElementError(f'its parent {result.parent_id} is no rectangle that can be used')
        if not named:
            named = {key for key, garment in self.garments.items() if garment.label == label}
        if len(named) != 1:
            raise ElementError(
                f'landmark outside its garment: it has no parent, and there are {len(named)} boxes '
                f"of '{category}'. Fix: drag it onto its rectangle in the list of regions"
            )
        garment = self.garments[named.pop()]
        if garment.label != label:
            raise ElementError(
                f"a landmark of '{category}' in a rectangle of "
                f"'{self.schema.class_names[garment.label]}'. Fix: correct either"
            )
        return garment


def _one_label(result: Result) -> str:
    labels = result.value.get(result.type)
    if not isinstance(labels, Sequence) or isinstance(labels, str) or len(labels) != 1:
        raise ElementError(f'{result.type} is {labels!r}, expected one label')
    return str(labels[0])


def _pixels(result: Result, image: ImageDraft, *keys: str) -> tuple[float, float]:
    """Two numbers in percent of width and height, as pixels."""
    if result.image_rotation:
        raise ElementError('the image was rotated. Fix: turn it back in Label Studio')
    sides = image.width, image.height
    if (result.original_width or sides[0], result.original_height or sides[1]) != sides:
        raise ElementError(f'its image has another size than {sides[0]} x {sides[1]}')
    values = []
    for key, side in zip(keys, sides, strict=True):
        value = result.value.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ElementError(f'value.{key} is {value!r}, expected percent of the image')
        values.append(value * side / 100)
    return values[0], values[1]


def _plain(value: object) -> str:
    """A number without a needless '.0', or a text."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
