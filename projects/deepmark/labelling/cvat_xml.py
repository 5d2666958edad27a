# SPDX-License-Identifier: Apache-2.0
"""CVAT's own annotation file, 'CVAT for images 1.1', both ways.

An ``<image>`` holds a ``<skeleton>`` for each garment, with one ``<points>`` for each landmark
(``outside="1"``: not labelled, ``occluded="1"``: occluded), and a ``<box label="box">`` in the
same group (``group_id``). A skeleton without a box has that of its landmarks; a box without a
skeleton is a garment without landmarks and names its category in an attribute.

Source: docs.cvat.ai, XML annotation format; cvat-ai/cvat, ``dataset_manager/formats/cvat.py``.
CVAT writes two decimals; what is written here has all that float32 needs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import numpy.typing as npt

from deepmark.atomic_write import atomic_write
from deepmark.datasets.records import PackedRecords, RecordView
from deepmark.labelling.cvat_labels import BOX_CATEGORY, BOX_LABEL, OF_ITS_SKELETON
from deepmark.labelling.drafts import (
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
from deepmark.labelling.skeleton_layout import skeleton_layout
from deepmark.labelling.xml_elements import Element, read_elements
from deepmark.schema import LandmarkSchema

ROOT = 'annotations'
_NO_ATTRIBUTES = frozenset({'0', ''})


def write_cvat_xml(
    path: str | os.PathLike[str],
    packed: PackedRecords,
    schema: LandmarkSchema,
    overwrite: bool = False,
) -> None:
    """Write annotations that CVAT uploads into a task of the same images.

    Raises:
        FileExistsError: the file exists and ``overwrite`` is false.
    """
    group = 0
    with atomic_write(path, overwrite) as file:
        file.write(b'<?xml version="1.0" encoding="utf-8"?>\n')
        file.write(f'<{ROOT}>\n  <version>1.1</version>\n'.encode())
        for frame, record in enumerate(RecordView(packed)):
            lines = [
                f'  <image id="{frame}" name={quoteattr(record["img_path"])} '
                f'width="{record["width"]}" height="{record["height"]}">'
            ]
            for instance in record['instances']:
                group += 1
                lines += _garment_lines(instance, schema, group)
            file.write('\n'.join([*lines, '  </image>\n']).encode())
        file.write(f'</{ROOT}>\n'.encode())


def read_cvat_xml(
    file: IO[bytes],
    title: str,
    schema: LandmarkSchema,
    image_folder: Path | None = None,
) -> Imported:
    """Read what CVAT exports as 'CVAT for images 1.1'.

    Args:
        file: the XML.
        title: its name, for messages.
        schema: categories and landmarks.
        image_folder: where sizes are read from that the file leaves out.

    Raises:
        LabellingError: names every element that cannot be used.
    """
    mistakes = Mistakes(title)
    images = []
    for element in read_elements(file, title, ROOT):
        if element.tag == 'track':
            with mistakes.at(element.place):
                raise ElementError("a video track. Fix: export 'CVAT for images 1.1'")
        if element.tag != 'image':
            continue
        with mistakes.at(element.place):
            images.append(_Image(element, schema, mistakes).draft(image_folder))
    return Imported(pack_drafts(images, mistakes))


# ------------------------------------------------------------------------------------------ write


def _garment_lines(
    instance: Mapping[str, Any], schema: LandmarkSchema, group: int
) -> Iterator[str]:
    label, box = instance['bbox_label'], np.asarray(instance['bbox'], np.float32)
    name = schema.class_names[label]
    landmarks = np.asarray(instance['keypoints'], np.float32)
    facts = list(_attribute_lines(GarmentFacts.of_record(instance).texts()))
    has_landmarks = bool((landmarks[:, 2] > 0).any())
    if has_landmarks:
        yield (
            f'    <skeleton label={quoteattr(name)} source="file" z_order="0" group_id="{group}">'
        )
        yield from _point_lines(landmarks, box, schema, label)
        yield from facts
        yield '    </skeleton>'
    x1, y1, x2, y2 = box
    yield (
        f'    <box label="{BOX_LABEL}" source="file" occluded="0" xtl="{x1!s}" ytl="{y1!s}" '
        f'xbr="{x2!s}" ybr="{y2!s}" z_order="0" group_id="{group}">'
    )
    yield from _attribute_lines({BOX_CATEGORY: OF_ITS_SKELETON if has_landmarks else name})
    yield from () if has_landmarks else facts
    yield '    </box>'


def _point_lines(
    landmarks: Landmarks, box: npt.NDArray[np.float32], schema: LandmarkSchema, label: int
) -> Iterator[str]:
    hidden = box[:2] + skeleton_layout(schema, label) * (box[2:] - box[:2])
    labelled = landmarks[:, 2] > 0
    spots = np.where(labelled[:, None], landmarks[:, :2], hidden.astype(np.float32))
    for name, (x, y), v in zip(
        schema.categories[label].keypoint_names, spots, landmarks[:, 2], strict=True
    ):
        yield (
            f'      <points label={quoteattr(name)} source="file" outside="{int(v == 0)}" '
            f'occluded="{int(v == 1)}" points="{x!s},{y!s}"></points>'
        )


def _attribute_lines(texts: Mapping[str, str]) -> Iterator[str]:
    for name, text in texts.items():
        value = escape(text, {'\r': '&#13;'})
        yield f'      <attribute name={quoteattr(name)}>{value}</attribute>'


# ------------------------------------------------------------------------------------------- read


class _Image:
    """Reads the shapes of one ``<image>``."""

    def __init__(self, element: Element, schema: LandmarkSchema, mistakes: Mistakes) -> None:
        self.element, self.schema, self.mistakes = element, schema, mistakes
        # With what belongs together: the number of the group, or of the shape alone.
        self.groups: dict[str, list[Element]] = {}

    def draft(self, image_folder: Path | None) -> ImageDraft:
        name = self.element.required('name')
        attributes = self.element.attributes
        width, height = image_size(
            name, attributes.get('width'), attributes.get('height'), image_folder
        )
        for number, shape in enumerate(self.element.children):
            with self.mistakes.at(f'{name}: {shape.place}'):
                self._check(shape)
                group = shape.attributes.get('group_id', '0')
                alone = group in _NO_ATTRIBUTES
                self.groups.setdefault(f'shape {number}' if alone else group, []).append(shape)
        image = ImageDraft(name, width, height)
        for shapes in self.groups.values():
            with self.mistakes.at(f'{name}: {shapes[0].place}'):
                image.garments += self._garments(shapes)
        return image

    def _check(self, shape: Element) -> None:
        label = shape.required('label')
        if shape.tag == 'points':
            raise ElementError(
                f"landmark '{label}' outside its skeleton. Fix: draw the whole skeleton of the "
                'garment in CVAT'
            )
        if shape.tag == 'skeleton':
            label_named(label, self.schema)
        elif shape.tag != 'box' or label != BOX_LABEL:
            raise ElementError(
                f"unknown label: a {shape.tag} called '{label}'; garments are skeletons, and their "
                f"boxes rectangles called '{BOX_LABEL}'. Fix: remove the shape, or its label, in "
                'CVAT'
            )

    def _garments(self, shapes: Sequence[Element]) -> list[GarmentDraft]:
        """Garments of one group: a skeleton with its box, either alone, or several skeletons."""
        skeletons = [shape for shape in shapes if shape.tag == 'skeleton']
        boxes = [shape for shape in shapes if shape.tag == 'box']
        if boxes and (len(boxes) > 1 or len(skeletons) > 1):
            raise ElementError(
                f'group {shapes[0].attributes.get("group_id")} has {len(skeletons)} skeletons and '
                f'{len(boxes)} boxes. Fix: group one skeleton with its own box'
            )
        if not skeletons:
            return [self._box_only(boxes[0])]
        garments = [self._skeleton(skeleton) for skeleton in skeletons]
        for garment in garments:
            garment.box = _box_of(boxes[0]) if boxes else box_around(garment.keypoints)
        return garments

    def _skeleton(self, element: Element) -> GarmentDraft:
        label = label_named(element.required('label'), self.schema)
        category = self.schema.categories[label]
        keypoints = np.zeros((category.num_keypoints, 3), np.float32)
        seen = set()
        for child in element.children:
            if child.tag == 'attribute':
                continue
            index = landmark_named(child.required('label'), label, self.schema)
            if index in seen:
                raise ElementError(f"landmark '{child.attributes['label']}' stands there twice")
            seen.add(index)
            keypoints[index] = _landmark(child)
        if len(seen) != category.num_keypoints:
            raise ElementError(
                f"{len(seen)} landmarks, but '{category.name}' has {category.num_keypoints}. Fix: "
                'keep all points of the skeleton; mark what cannot be placed as outside'
            )
        return GarmentDraft(label, keypoints, None, GarmentFacts.of_texts(_attributes_of(element)))

    def _box_only(self, element: Element) -> GarmentDraft:
        texts = _attributes_of(element)
        name = texts.get(BOX_CATEGORY, OF_ITS_SKELETON)
        if name == OF_ITS_SKELETON:
            raise ElementError(
                'a box without a skeleton. Fix: group it with its skeleton, or choose its '
                f"'{BOX_CATEGORY}' if the garment has no landmarks"
            )
        label = label_named(name, self.schema)
        none = np.zeros((int(self.schema.num_keypoints[label]), 3), np.float32)
        return GarmentDraft(label, none, _box_of(element), GarmentFacts.of_texts(texts))


def _attributes_of(element: Element) -> dict[str, str]:
    return {
        child.attributes.get('name', ''): child.text
        for child in element.children
        if child.tag == 'attribute'
    }


def _box_of(element: Element) -> tuple[float, float, float, float]:
    if element.number('rotation') if 'rotation' in element.attributes else 0:
        raise ElementError('the box is rotated. Fix: draw it upright')
    xtl, ytl, xbr, ybr = (element.number(name) for name in ('xtl', 'ytl', 'xbr', 'ybr'))
    return checked_box(xtl, ytl, xbr, ybr)


def _landmark(element: Element) -> tuple[float, float, float]:
    """Position and visibility of a skeleton's point; zeros where it is outside."""
    name, text = element.attributes['label'], element.required('points')
    try:
        values = [float(value) for value in text.replace(';', ',').split(',')]
    except ValueError:
        values = []
    if len(values) != 2 or not np.isfinite(values).all():
        raise ElementError(f'landmark \'{name}\': points="{text}", expected one x,y')
    if element.is_set('outside'):
        return 0.0, 0.0, 0.0
    return values[0], values[1], 1.0 if element.is_set('occluded') else 2.0
