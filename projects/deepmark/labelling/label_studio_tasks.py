# SPDX-License-Identifier: Apache-2.0
"""Label Studio's JSON, both ways: tasks with regions in percent of the image.

A region is a ``rectanglelabels`` or ``keypointlabels`` result; what is said of it (visibility and
the garment's facts) are results with the same id. Coordinates are percent of ``original_width`` and
``original_height``, which every region names. A landmark's garment is its ``parentID``, or what a
``relation`` result joins it with; without either it is the only garment of its category.

Source: labelstud.io, task format and pre-annotations; HumanSignal/label-studio issue 6502.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from deepmark.atomic_write import atomic_write
from deepmark.datasets.records import PackedRecords, RecordView
from deepmark.labelling.garment_facts import FLAG, TEXT, GarmentFacts, level_texts
from deepmark.labelling.label_studio_config import (
    BOXES,
    IMAGE,
    OCCLUDED,
    VISIBILITY,
    VISIBLE,
    points_control,
)
from deepmark.schema import LandmarkSchema

LOCAL_FILES = '/data/local-files/?d='
FILE_NAME = 'file_name'
MODEL_VERSION = 'deepmark'
_POINT_WIDTH = 0.5  # percent of the image


def write_label_studio(
    path: str | os.PathLike[str],
    packed: PackedRecords,
    schema: LandmarkSchema,
    image_url: str = LOCAL_FILES,
    overwrite: bool = False,
) -> None:
    """Write tasks whose annotations stand there as predictions, to be corrected.

    Args:
        path: the JSON file.
        packed: annotations.
        schema: categories and landmarks.
        image_url: what Label Studio finds the images under, in front of their names.
        overwrite: replace the file.

    Raises:
        FileExistsError: the file exists and ``overwrite`` is false.
    """
    encoder = msgspec.json.Encoder()
    with atomic_write(path, overwrite) as file:
        file.write(b'[\n')
        for number, record in enumerate(RecordView(packed)):
            file.write(b',\n' if number else b'')
            file.write(encoder.encode(_task(record, schema, image_url)))
        file.write(b'\n]\n')


def _task(record: Mapping[str, Any], schema: LandmarkSchema, image_url: str) -> dict[str, Any]:
    results = []
    for number, instance in enumerate(record['instances']):
        results += _Regions(record, instance, schema, f'g{number}').results()
    return {
        'data': {'image': f'{image_url}{record["img_path"]}', FILE_NAME: record['img_path']},
        'predictions': [{'model_version': MODEL_VERSION, 'result': results}],
        'meta': {'width': record['width'], 'height': record['height']},
    }


class _Regions:
    """The results of one garment."""

    def __init__(
        self,
        record: Mapping[str, Any],
        instance: Mapping[str, Any],
        schema: LandmarkSchema,
        region_id: str,
    ) -> None:
        self.size = int(record['width']), int(record['height'])
        self.instance, self.schema, self.id = instance, schema, region_id

    def results(self) -> list[dict[str, Any]]:
        """The rectangle and what is said of it, then the landmarks."""
        label = self.instance['bbox_label']
        x1, y1, x2, y2 = (float(value) for value in self.instance['bbox'])
        x, y = self._percent(x1, y1)
        right, bottom = self._percent(x2, y2)
        box = {'x': x, 'y': y, 'width': right - x, 'height': bottom - y, 'rotation': 0}
        name = self.schema.class_names[label]
        value = {**box, 'rectanglelabels': [name]}
        results = [self._result(self.id, BOXES, 'rectanglelabels', value)]
        results += self._facts(box)
        return results + self._landmarks(label)

    def _facts(self, box: dict[str, Any]) -> list[dict[str, Any]]:
        """What differs from nothing said."""
        texts, unsaid = GarmentFacts.of_record(self.instance).texts(), GarmentFacts().texts()
        results = []
        for name, text in texts.items():
            if text == unsaid[name]:
                continue
            if name == FLAG or level_texts(name):
                said: dict[str, Any] = {'choices': [FLAG if name == FLAG else text]}
            elif name == TEXT:
                said = {'text': [text]}
            else:
                said = {'number': int(text)}
            kind = {'choices': 'choices', 'text': 'textarea', 'number': 'number'}[next(iter(said))]
            results.append(self._result(self.id, name, kind, {**box, **said}))
        return results

    def _landmarks(self, label: int) -> list[dict[str, Any]]:
        control = points_control(self.schema, label)
        names = self.schema.categories[label].keypoint_names
        landmarks = np.asarray(self.instance['keypoints'], np.float64)
        results = []
        for index in np.flatnonzero(landmarks[:, 2] > 0).tolist():
            x, y = self._percent(*landmarks[index, :2].tolist())
            spot = {'x': x, 'y': y, 'width': _POINT_WIDTH}
            region = f'{self.id}p{index + 1}'
            value = {**spot, 'keypointlabels': [names[index]]}
            point = self._result(region, control, 'keypointlabels', value)
            seen = OCCLUDED if landmarks[index, 2] == 1 else VISIBLE
            choice = self._result(region, VISIBILITY, 'choices', {**spot, 'choices': [seen]})
            results += [{**point, 'parentID': self.id}, choice]
        return results

    def _percent(self, x: float, y: float) -> tuple[float, float]:
        return 100 * x / self.size[0], 100 * y / self.size[1]

    def _result(
        self, region: str, control: str, kind: str, value: dict[str, Any]
    ) -> dict[str, Any]:
        return {
            'id': region,
            'from_name': control,
            'to_name': IMAGE,
            'type': kind,
            'original_width': self.size[0],
            'original_height': self.size[1],
            'image_rotation': 0,
            'value': value,
        }
