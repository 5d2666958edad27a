# SPDX-License-Identifier: Apache-2.0
"""CVAT: the labels, and annotations to CVAT's files and back."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from hypothesis import given, settings

from deepmark.datasets.records import PackedRecords
from deepmark.labelling.cvat_coco import read_cvat_coco
from deepmark.labelling.cvat_labels import cvat_labels
from deepmark.labelling.cvat_xml import read_cvat_xml, write_cvat_xml
from deepmark.labelling.mistakes import LabellingError
from deepmark.schema import DEEPFASHION2, Category, LandmarkSchema

from .garments import SHOES, assert_equal, keypoints_of, one_garment, packed_records

SKIRT = DEEPFASHION2.label_of_name('skirt')
POINTS = ''.join(
    f'<points label="{k}" outside="{int(k == 3)}" occluded="{int(k == 2)}" '
    f'points="{10 * k},{5.25 * k}"/>'
    for k in range(1, 9)
)

EIGHTH, NINTH = 'label="8"', 'label="9"'


def image(content: str, attributes: str = 'width="100" height="50"') -> str:
    return f'<image id="0" name="000009.jpg" {attributes}>{content}</image>'


def read(content: str, folder: Path | None = None) -> PackedRecords:
    file = io.BytesIO(f'<annotations><version>1.1</version>{content}</annotations>'.encode())
    return read_cvat_xml(file, 'a.xml', DEEPFASHION2, folder).packed


def there_and_back(packed: PackedRecords, path: Path) -> PackedRecords:
    write_cvat_xml(path, packed, DEEPFASHION2, overwrite=True)
    with path.open('rb') as file:
        return read_cvat_xml(file, str(path), DEEPFASHION2).packed


class TestLabels:
    def test_a_skeleton_for_each_category_and_one_rectangle(self) -> None:
        labels = cvat_labels(DEEPFASHION2)
        assert [label['name'] for label in labels] == [*DEEPFASHION2.class_names, 'box']
        assert {label['type'] for label in labels[:-1]} == {'skeleton'}
        assert labels[-1]['type'] == 'rectangle'
        assert [len(label['sublabels']) for label in labels[:-1]] == (
            DEEPFASHION2.num_keypoints.tolist()
        )
        attributes = {attribute['name']: attribute for attribute in labels[0]['attributes']}
        assert attributes['viewpoint']['values'] == [
            '0 unknown',
            '1 no wear',
            '2 frontal',
            '3 side or back',
        ]
        json.dumps(labels)

    @pytest.mark.parametrize('schema', [DEEPFASHION2, SHOES], ids=['deepfashion2', 'shoes'])
    def test_the_drawing_has_every_landmark_once_and_the_edges_of_the_schema(
        self, schema: LandmarkSchema
    ) -> None:
        for number, label in enumerate(cvat_labels(schema)[:-1]):
            drawing = ElementTree.fromstring(f'<svg>{label["svg"]}</svg>')
            nodes = drawing.findall('circle')
            names = [sublabel['name'] for sublabel in label['sublabels']]
            assert [node.get('data-label-name') for node in nodes] == names
            assert [node.get('data-node-id') for node in nodes] == [
                str(k + 1) for k in range(len(names))
            ]
            spots = [(float(node.get('cx', -1)), float(node.get('cy', -1))) for node in nodes]
            assert np.array(spots).min() >= 0
            assert np.array(spots).max() <= 100
            assert len(set(spots)) == len(spots)
            edges = [
                (int(line.get('data-node-from', 0)) - 1, int(line.get('data-node-to', 0)) - 1)
                for line in drawing.findall('line')
            ]
            assert tuple(edges) == schema.skeleton(number)

    def test_a_category_must_not_be_called_as_the_rectangles(self) -> None:
        box = Category('box', 1, 1, (), (), (0.1,), keypoint_names=('1',))
        with pytest.raises(LabellingError, match="a category is called 'box'"):
            cvat_labels(LandmarkSchema('parcels', [box]))


class TestXml:
    @settings(max_examples=25, deadline=None)
    @given(packed=packed_records())
    def test_there_and_back(self, packed: PackedRecords, tmp_path_factory: object) -> None:
        path = tmp_path_factory.getbasetemp() / 'annotations.xml'  # type: ignore[attr-defined]
        assert_equal(there_and_back(packed, path), packed)

    def test_what_is_written(self, tmp_path: Path) -> None:
        path = tmp_path / 'a.xml'
        write_cvat_xml(path, one_garment(), DEEPFASHION2)
        root = ElementTree.parse(path).getroot()
        (frame,) = root.findall('image')
        assert frame.attrib == {'id': '0', 'name': '000007.jpg', 'width': '80', 'height': '60'}
        skeleton, box = frame
        assert (skeleton.tag, skeleton.get('label')) == ('skeleton', 'skirt')
        assert (box.tag, box.get('label'), box.get('ybr')) == ('box', 'box', '58.5')
        assert skeleton.get('group_id') == box.get('group_id') == '1'
        points = skeleton.findall('points')
        flags = [(point.get('outside'), point.get('occluded')) for point in points[:3]]
        assert flags == [('0', '0'), ('0', '1'), ('1', '0')]
        assert points[1].get('points') == '13.0,25.5'
        x, y = map(float, str(points[2].get('points')).split(','))
        assert 10 <= x <= 50  # not labelled: at hand inside the box
        assert 20 <= y <= 58.5
        texts = {a.get('name'): a.text for a in skeleton.findall('attribute')}
        assert texts['scale'] == '2 moderate'
        assert texts['style'] == '4'
        with pytest.raises(FileExistsError):
            write_cvat_xml(path, one_garment(), DEEPFASHION2)

    def test_outside_and_occluded_become_visibility(self) -> None:
        packed = read(image(f'<skeleton label="skirt" source="manual">{POINTS}</skeleton>'))
        assert packed.labels.tolist() == [SKIRT]
        assert packed.keypoints[:, 2].tolist() == [2, 1, 0, 2, 2, 2, 2, 2]
        assert packed.keypoints[1].tolist() == [20, 10.5, 1]
        assert packed.keypoints[2].tolist() == [0, 0, 0]
        assert packed.image_ids.tolist() == [9]
        assert packed.image_wh.tolist() == [[100, 50]]

    def test_a_skeleton_without_a_box_gets_that_of_its_labelled_landmarks(self) -> None:
        points = POINTS.replace('"80,42.0"', '"70,45"')
        packed = read(image(f'<skeleton label="skirt">{points}</skeleton>'))
        assert packed.bboxes.tolist() == [[10, 5.25, 70, 45]]
        assert packed.areas.tolist() == [60 * 39.75]

    def test_a_box_belongs_to_the_skeleton_of_its_group(self) -> None:
        box = '<box label="box" group_id="{}" xtl="1" ytl="2" xbr="{}" ybr="40"/>'
        skirt = '<skeleton label="skirt" group_id="{}">' + POINTS + '</skeleton>'
        packed = read(
            image(skirt.format(4) + box.format(5, 60) + skirt.format(5) + box.format(4, 90))
        )
        assert packed.bboxes[:, 2].tolist() == [90, 60]

    def test_a_box_alone_names_its_category(self) -> None:
        content = (
            '<box label="box" xtl="1" ytl="2" xbr="30" ybr="40">'
            '<attribute name="category">trousers</attribute>'
            '<attribute name="ignore">true</attribute></box>'
        )
        packed = read(image(content))
        assert packed.labels.tolist() == [DEEPFASHION2.label_of_name('trousers')]
        assert packed.ignore_flags.tolist() == [True]
        assert not packed.keypoints.any()

    def test_an_image_without_shapes_stays(self) -> None:
        packed = read(image(''))
        assert (packed.num_images, packed.num_items) == (1, 0)

    def test_the_size_is_read_from_the_image(self, tmp_path: Path) -> None:
        cv2.imwrite(str(tmp_path / '000009.jpg'), np.zeros((30, 40, 3), np.uint8))
        assert read(image('', ''), tmp_path).image_wh.tolist() == [[40, 30]]

    @pytest.mark.parametrize(
        ('content', 'message'),
        [
            (
                '<skeleton label="hat"/>',
                r'line 1: <skeleton label="hat">: unknown label: .*\'hat\'',
            ),
            (
                f'<skeleton label="skirt">{POINTS.replace(EIGHTH, NINTH)}</skeleton>',
                "unknown label: 'skirt' has no landmark '9'",
            ),
            (
                '<skeleton label="skirt"><points label="1" points="1,2"/></skeleton>',
                "1 landmarks, but 'skirt' has 8",
            ),
            (
                f'<skeleton label="skirt">{POINTS}<points label="1" points="1,2"/></skeleton>',
                "landmark '1' stands there twice",
            ),
            (
                '<skeleton label="skirt"><points label="1" points="1,2;3,4"/></skeleton>',
                'landmark \'1\': points="1,2;3,4", expected one x,y',
            ),
            ('<points label="1" points="1,2"/>', "landmark '1' outside its skeleton"),
            ('<polygon label="hem" points="1,2;3,4"/>', "unknown label: a polygon called 'hem'"),
            (
                '<box label="box" xtl="1" ytl="2" xbr="3" ybr="4"/>',
                'a box without a skeleton. Fix: group it',
            ),
            (
                '<box label="box" group_id="2" xtl="1" ytl="2" xbr="3" ybr="4"/>' * 2,
                'group 2 has 0 skeletons and 2 boxes',
            ),
            (
                '<box label="box" xtl="9" ytl="2" xbr="3" ybr="4">'
                '<attribute name="category">skirt</attribute></box>',
                'the box 9, 2, 3, 4 .* has no area',
            ),
            (
                '<box label="box" rotation="12.5" xtl="1" ytl="2" xbr="3" ybr="4">'
                '<attribute name="category">skirt</attribute></box>',
                'the box is rotated',
            ),
            (
                f'<skeleton label="skirt">{POINTS}'
                '<attribute name="scale">huge</attribute></skeleton>',
                "scale is 'huge'",
            ),
            (
                '<skeleton label="skirt">'
                + POINTS.replace('outside="0"', 'outside="1"')
                + '</skeleton>',
                '0 labelled landmarks span no area',
            ),
        ],
    )
    def test_bad_shapes(self, content: str, message: str) -> None:
        with pytest.raises(LabellingError, match=f'^a.xml: .*{message}'):
            read(image(content))

    def test_all_mistakes_are_reported_at_once(self) -> None:
        with pytest.raises(LabellingError) as caught:
            read(image('<skeleton label="hat"/>\n<points label="1" points="1,2"/>') + image('', ''))
        lines = str(caught.value).splitlines()
        assert len(lines) == 3
        assert 'line 2' in lines[1]
        assert 'the size of 000009.jpg is missing' in lines[2]

    @pytest.mark.parametrize(
        ('text', 'message'),
        [
            ('<annotations><image', 'not well-formed XML'),
            ('', 'not well-formed XML'),
            ('<html></html>', '<html>, expected <annotations>'),
            (
                '<!DOCTYPE a [<!ENTITY x "xx">]><annotations>&x;</annotations>',
                'a document type',
            ),
            ('<annotations><track id="0" label="skirt"/></annotations>', 'a video track'),
            ('<annotations></annotations>', 'no labelled images'),
        ],
    )
    def test_bad_files(self, text: str, message: str) -> None:
        with pytest.raises(LabellingError, match=message):
            read_cvat_xml(io.BytesIO(text.encode()), 'a.xml', DEEPFASHION2)

    def test_ids_are_the_numbers_of_the_names_unless_two_are_equal(self) -> None:
        names = ['000012.jpg', '7.jpg']
        frame = '<image id="0" name="{}" width="9" height="9"/>'
        assert read(''.join(map(frame.format, names))).image_ids.tolist() == [12, 7]
        names = ['a/7.jpg', 'b/7.jpg']
        assert read(''.join(map(frame.format, names))).image_ids.tolist() == [1, 2]

    def test_the_same_image_twice(self) -> None:
        with pytest.raises(LabellingError, match=r'000009\.jpg: this image stands there twice'):
            read(image('') + image(''))


class TestCoco:
    def content(self) -> dict[str, object]:
        """CVAT numbers categories anew, lists every point as one, and may order points anew."""
        own = keypoints_of(SKIRT)
        names = [str(k) for k in (2, 1, 3, 4, 5, 6, 7, 8)]
        keypoints = own[[1, 0, 2, 3, 4, 5, 6, 7]]
        return {
            'licenses': [],
            'categories': [
                {'id': 40, 'name': 'skirt', 'supercategory': '', 'keypoints': names},
                {'id': 41, 'name': '1', 'supercategory': 'skirt'},
                {'id': 42, 'name': 'box', 'supercategory': ''},
            ],
            'images': [{'id': 5, 'file_name': '000264.jpg', 'width': 80, 'height': 60}],
            'annotations': [
                {
                    'id': 1,
                    'image_id': 5,
                    'category_id': 40,
                    'bbox': [10.0, 20.0, 40.0, 38.5],
                    'keypoints': keypoints.ravel().tolist(),
                    'num_keypoints': 5,
                    'iscrowd': 0,
                    'attributes': {'scale': '2 moderate', 'ignore': True, 'keyframe': False},
                }
            ],
        }

    def read(self, content: dict[str, object]) -> PackedRecords:
        return read_cvat_coco(json.dumps(content).encode(), 'a.json', DEEPFASHION2).packed

    def test_names_decide_not_numbers(self) -> None:
        packed = self.read(self.content())
        assert packed.labels.tolist() == [SKIRT]
        assert packed.image_ids.tolist() == [264]
        assert packed.bboxes.tolist() == [[10, 20, 50, 58.5]]
        np.testing.assert_array_equal(packed.keypoints, keypoints_of(SKIRT))
        assert packed.attributes[0].tolist() == [2, 0, 0, 0, 0]
        assert packed.ignore_flags.tolist() == [True]

    def test_rectangles_are_left_out_with_a_note(self) -> None:
        content = self.content()
        box = {'id': 2, 'image_id': 5, 'category_id': 42, 'bbox': [1, 2, 3, 4]}
        content['annotations'].append(box)  # type: ignore[attr-defined]
        imported = read_cvat_coco(json.dumps(content).encode(), 'a.json', DEEPFASHION2)
        assert imported.packed.num_items == 1
        assert re.match(r"1 rectangles called 'box' left out", imported.notes[0])

    @pytest.mark.parametrize(
        ('changes', 'message'),
        [
            ({'category_id': 41}, r"annotations\[0\] \(id 1\): unknown label: .*'1'"),
            ({'category_id': 99}, 'its category is not in the file'),
            ({'image_id': 99}, 'its image is not in the file'),
            ({'keypoints': [1, 2, 2]}, 'keypoints has 3 numbers for 8 points'),
            ({'keypoints': [1, 2, 3] * 8}, 'v must be 0, 1 or 2'),
        ],
    )
    def test_bad_annotations(self, changes: dict[str, object], message: str) -> None:
        content = self.content()
        content['annotations'][0].update(changes)  # type: ignore[index]
        with pytest.raises(LabellingError, match=message):
            self.read(content)
