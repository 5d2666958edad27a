# SPDX-License-Identifier: Apache-2.0
"""Label Studio: the interface, and annotations to its tasks and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from hypothesis import given, settings

from deepmark.datasets.records import PackedRecords
from deepmark.json_file import JsonFileError
from deepmark.labelling.label_studio_config import label_studio_config
from deepmark.labelling.label_studio_reader import read_label_studio
from deepmark.labelling.label_studio_tasks import write_label_studio
from deepmark.labelling.mistakes import LabellingError
from deepmark.schema import DEEPFASHION2, LandmarkSchema

from .garments import SHOES, assert_equal, one_garment, packed_records

SIZE = {'original_width': 200, 'original_height': 100, 'image_rotation': 0}
CONTROL = 'points_9_skirt'


def rectangle(region: str = 'a', name: str = 'skirt', **value: Any) -> dict[str, Any]:
    """The pixels 20 10 120 90 of an image of 200 x 100."""
    box = {'x': 10.0, 'y': 10, 'width': 50, 'height': 80, 'rectanglelabels': [name], **value}
    return {'id': region, 'from_name': 'garment', 'type': 'rectanglelabels', **SIZE, 'value': box}


def point(
    region: str = 'p', name: str = '2', parent: str | None = 'a', control: str = CONTROL
) -> dict[str, Any]:
    """The pixel 25 40."""
    value = {'x': 12.5, 'y': 40, 'width': 0.5, 'keypointlabels': [name]}
    result = {'id': region, 'from_name': control, 'type': 'keypointlabels', **SIZE, 'value': value}
    return {**result, 'parentID': parent} if parent else result


def said(region: str, control: str, kind: str, **value: Any) -> dict[str, Any]:
    return {'id': region, 'from_name': control, 'type': kind, **SIZE, 'value': value}


def task(*results: dict[str, Any], **changes: Any) -> dict[str, Any]:
    content = {
        'id': 3,
        'data': {'image': '/data/upload/1/0a1b2c3d-000264.jpg'},
        'annotations': [{'id': 8, 'result': list(results), 'was_cancelled': False}],
    }
    return {**content, **changes}


def read(*tasks: dict[str, Any], **options: Any) -> PackedRecords:
    return read_label_studio(json.dumps(tasks).encode(), 'a.json', DEEPFASHION2, **options).packed


class TestConfig:
    @pytest.mark.parametrize('schema', [DEEPFASHION2, SHOES], ids=['deepfashion2', 'shoes'])
    def test_boxes_and_a_panel_for_each_category(self, schema: LandmarkSchema) -> None:
        root = ElementTree.fromstring(label_studio_config(schema))
        boxes = root.findall('RectangleLabels/Label')
        assert tuple(box.get('value') for box in boxes) == schema.class_names
        panels = root.findall('Collapse/Panel')
        assert tuple(panel.get('value') for panel in panels) == schema.class_names
        for panel, category in zip(panels, schema.categories, strict=True):
            labels = panel.findall('KeyPointLabels/Label')
            assert tuple(label.get('value') for label in labels) == category.keypoint_names
            assert [label.get('model_index') for label in labels] == [
                str(k) for k in range(category.num_keypoints)
            ]

    def test_controls_have_names_of_their_own_and_label_the_image(self) -> None:
        root = ElementTree.fromstring(label_studio_config(DEEPFASHION2))
        controls = [element for element in root.iter() if element.get('toName')]
        names = [element.get('name') for element in controls]
        assert len(set(names)) == len(names) == 13 + 1 + 1 + 8
        assert {element.get('toName') for element in controls} == {'image'}


class TestTasks:
    @settings(max_examples=25, deadline=None)
    @given(packed=packed_records())
    def test_there_and_back(self, packed: PackedRecords, tmp_path_factory: Any) -> None:
        path = tmp_path_factory.getbasetemp() / 'tasks.json'
        write_label_studio(path, packed, DEEPFASHION2, overwrite=True)
        imported = read_label_studio(path.read_bytes(), str(path), DEEPFASHION2, predictions=True)
        assert_equal(imported.packed, packed, pixels=1e-3)

    def test_what_is_written(self, tmp_path: Path) -> None:
        path = tmp_path / 'tasks.json'
        write_label_studio(path, one_garment(), DEEPFASHION2, 'http://host/')
        (written,) = json.loads(path.read_text())
        assert written['data'] == {'image': 'http://host/000007.jpg', 'file_name': '000007.jpg'}
        results = written['predictions'][0]['result']
        box = results[0]['value']
        # 10 20 50 58.5 in 80 x 60
        assert (box['x'], box['y'], box['width']) == pytest.approx((12.5, 100 / 3, 50))
        assert {result['from_name']: result['value'] for result in results}['scale']['choices'] == [
            '2 moderate'
        ]
        points = [result for result in results if result['type'] == 'keypointlabels']
        assert len(points) == 6  # landmarks 3 and 6 of 8 are not labelled
        assert {result['parentID'] for result in points} == {results[0]['id']}

    def test_percent_become_pixels(self) -> None:
        occluded = said('q', 'visibility', 'choices', choices=['occluded'])
        packed = read(task(rectangle(), point('p', '2'), point('q', '5'), occluded))
        assert packed.image_wh.tolist() == [[200, 100]]
        assert packed.file_name(0) == '000264.jpg'
        assert packed.bboxes.tolist() == [[20, 10, 120, 90]]
        assert packed.keypoints[1].tolist() == [25, 40, 2]
        assert packed.keypoints[4].tolist() == [25, 40, 1]
        assert packed.keypoints[:, 2].tolist() == [0, 2, 0, 0, 1, 0, 0, 0]

    def test_facts_of_a_garment(self) -> None:
        packed = read(
            task(
                rectangle(),
                said('a', 'viewpoint', 'choices', choices=['3 side or back']),
                said('a', 'ignore', 'choices', choices=['ignore']),
                said('a', 'pair_id', 'number', number=77.0),
                said('a', 'source', 'textarea', text=['user']),
            )
        )
        assert packed.attributes.tolist() == [[0, 0, 0, 3, 0]]
        assert packed.ignore_flags.tolist() == [True]
        assert packed.pair_ids.tolist() == [77]
        assert packed.source_names[packed.sources[0]] == 'user'

    @pytest.mark.parametrize(('from_id', 'to_id'), [('a', 'p'), ('p', 'a')])
    def test_a_relation_names_the_garment(self, from_id: str, to_id: str) -> None:
        relation = {'type': 'relation', 'from_id': from_id, 'to_id': to_id, 'direction': 'right'}
        packed = read(task(rectangle('b'), rectangle('a'), point(parent=None), relation))
        assert packed.keypoints[:, 2].sum() == 2
        assert packed.keypoints[8 + 1, 2] == 2  # of the second rectangle

    def test_the_only_garment_of_the_category_needs_no_parent(self) -> None:
        packed = read(task(rectangle('a'), rectangle('b', 'vest'), point(parent=None)))
        assert packed.keypoints[1].tolist() == [25, 40, 2]

    def test_tasks_that_nobody_has_labelled_are_left_out_with_a_note(self) -> None:
        skipped = task(annotations=[{'result': [], 'was_cancelled': True}])
        data = json.dumps([task(rectangle()), skipped]).encode()
        imported = read_label_studio(data, 'a.json', DEEPFASHION2)
        assert imported.packed.num_images == 1
        assert imported.notes == ['1 tasks without annotation left out']
        with pytest.raises(LabellingError, match='none of 1 tasks has an annotation'):
            read(skipped)

    def test_the_ground_truth_is_taken(self) -> None:
        first = {'result': [rectangle()]}
        second = {'result': [rectangle(), rectangle('b', 'vest')], 'ground_truth': True}
        assert read(task(annotations=[first, second])).num_items == 2
        with pytest.raises(LabellingError, match='2 annotations of one image'):
            read(task(annotations=[first, first]))

    def test_an_image_without_regions_needs_its_size(self, tmp_path: Path) -> None:
        with pytest.raises(LabellingError, match=r'the size of 000264\.jpg is missing'):
            read(task())
        cv2.imwrite(str(tmp_path / '000264.jpg'), np.zeros((30, 40, 3), np.uint8))
        packed = read(task(), image_folder=tmp_path)
        assert packed.image_wh.tolist() == [[40, 30]]
        assert packed.num_items == 0

    @pytest.mark.parametrize(
        ('results', 'message'),
        [
            ([rectangle(name='hat')], r"region a: unknown label: .*'hat'"),
            ([rectangle(rotation=3)], 'the rectangle is rotated'),
            ([rectangle(width=0)], 'has no area'),
            ([rectangle(x='1')], "value.x is '1', expected percent"),
            ([rectangle(rectanglelabels=['skirt', 'vest'])], 'expected one label'),
            ([{**rectangle(), 'image_rotation': 90}], 'the image was rotated'),
            ([rectangle(), point(name='9')], "region p: unknown label: 'skirt' has no .*'9'"),
            ([rectangle(), point(control='kp')], "unknown label: 'kp' is none of the lists"),
            ([rectangle(), point('p'), point('q')], "landmark '2' stands twice"),
            ([rectangle(), point(parent='x')], 'its parent x is no rectangle'),
            (
                [rectangle('a'), rectangle('b'), point(parent=None)],
                "landmark outside its garment: it has no parent, and there are 2 boxes of 'skirt'",
            ),
            ([point(parent=None)], 'there are 0 boxes'),
            ([rectangle(name='vest'), point()], "a landmark of 'skirt' in a rectangle of 'vest'"),
            (
                [rectangle(), {**point(), 'original_width': 300}],
                'its image has another size than 200 x 100',
            ),
            (
                [rectangle(), said('a', 'style', 'number', number=1.5)],
                "style is '1.5'",
            ),
        ],
    )
    def test_bad_regions(self, results: list[dict[str, Any]], message: str) -> None:
        with pytest.raises(LabellingError, match=rf'^a.json: \[?.*{message}'):
            read(task(*results))

    @pytest.mark.parametrize(
        ('text', 'message'),
        [
            ('[{"annot', r'a\.json: '),
            ('{"images": []}', 'Expected `array`'),
            ('[{"annotations": [{"result": [{"id": 1}]}]}]', r'\$\[0\]\.annotations\[0\]'),
        ],
    )
    def test_bad_files(self, text: str, message: str) -> None:
        with pytest.raises(JsonFileError, match=message):
            read_label_studio(text.encode(), 'a.json', DEEPFASHION2)

    def test_a_task_without_an_image(self) -> None:
        with pytest.raises(LabellingError, match=r'data\.image is missing'):
            read(task(rectangle(), data={}))


def test_other_shapes_are_left_out_with_a_note() -> None:
    polygon = {**rectangle('b'), 'type': 'polygonlabels'}
    brush = {**rectangle('c'), 'type': 'brushlabels'}
    data = json.dumps([task(rectangle(), point(), polygon, {**polygon, 'id': 'd'}, brush)])
    imported = read_label_studio(data.encode(), 'a.json', DEEPFASHION2)
    assert imported.packed.num_items == 1
    assert imported.notes == [
        'regions other than labelled rectangles and keypoints left out: 1 brushlabels, '
        '2 polygonlabels'
    ]
    plain = json.dumps([task(rectangle(), point())]).encode()
    assert read_label_studio(plain, 'a.json', DEEPFASHION2).notes == []
