# SPDX-License-Identifier: Apache-2.0
"""Official JSON files, and other people's: what is read and what is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.json_layout import read_detections, read_results, read_truth
from deepmark.schema import DEEPFASHION2

from .garment_examples import SKIRT

SKIRT_START = 182  # first slot of the skirt, category 9


def dense(points: list[tuple[float, float, int]]) -> list[float]:
    values: list[float] = [0] * (3 * 294)
    for k, point in enumerate(points):
        values[3 * (SKIRT_START + k) : 3 * (SKIRT_START + k + 1)] = point
    return values


def truth_file(folder: Path, **changes: Any) -> Path:
    annotation: dict[str, Any] = {
        'id': 1,
        'image_id': 3,
        'category_id': 9,
        'bbox': [1, 2, 30, 40],
        'keypoints': dense([(5, 6, 2), (7, 8, 1)]),
        'stray key': [{}],
    }
    annotation.update(changes)
    annotation = {key: value for key, value in annotation.items() if value is not None}
    path = folder / 'truth.json'
    path.write_text(json.dumps({'images': [{'id': 3}, {'id': 4}], 'annotations': [annotation]}))
    return path


def result(**changes: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {
        'image_id': 3,
        'category_id': 9,
        'bbox': [1, 2, 30, 40],
        'score': 0.5,
        'keypoints': dense([(5, 6, 1), (7, 8, 1)]),
    }
    entry.update(changes)
    return {key: value for key, value in entry.items() if value is not None}


def result_file(folder: Path, *entries: object) -> Path:
    path = folder / 'results.json'
    path.write_text(json.dumps(list(entries)))
    return path


def test_truth_keeps_own_landmarks_and_images_without_garments(tmp_path: Path) -> None:
    truth = read_truth(truth_file(tmp_path))
    assert truth.image_ids.tolist() == [3, 4]
    assert truth.rows.labels.tolist() == [SKIRT]
    assert truth.rows.boxes_xywh.tolist() == [[1, 2, 30, 40]]
    assert truth.rows.keypoints.shape == (8, 3)
    assert truth.rows.keypoints[:3].tolist() == [[5, 6, 2], [7, 8, 1], [0, 0, 0]]
    assert truth.rows.crowd.tolist() == [False]
    assert truth.rows.attributes is None


def test_compact_and_missing_landmarks_are_read(tmp_path: Path) -> None:
    compact = read_truth(truth_file(tmp_path, keypoints=[5, 6.5, 2] + [0] * 21)).rows
    assert compact.keypoints[0].tolist() == [5, 6.5, 2]
    none = read_truth(truth_file(tmp_path, keypoints=None)).rows
    assert none.keypoints.tolist() == np.zeros((8, 3)).tolist()


def test_attributes_crowds_names_and_sizes_are_read(tmp_path: Path) -> None:
    path = truth_file(tmp_path, scale=2, viewpoint=3, iscrowd=1, area=7, num_keypoints=5)
    content = json.loads(path.read_text())
    content['images'][0].update(file_name='000003.jpg', width=60, height=90)
    path.write_text(json.dumps(content))
    truth = read_truth(path)
    assert truth.file_names == ['000003.jpg', '']
    assert truth.image_wh.tolist() == [[60, 90], [0, 0]]
    assert truth.rows.attributes is not None
    assert truth.rows.attributes.tolist() == [[2, 0, 0, 3]]
    assert truth.rows.crowd.tolist() == [True]


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'category_id': 14}, r'truth.json: annotations\[0\]: category_id: .*14.*Fix: '),
        ({'keypoints': [0] * 36}, r'annotations\[0\]: keypoints has 36 numbers, expected 882 .*24'),
        ({'bbox': None}, r'annotations\[0\]: .*`bbox`.*Fix: '),
        ({'bbox': [1, 2, 3]}, r'annotations\[0\]: .*\$.bbox.*Fix: '),
        ({'bbox': [1, 2, 3, float('nan')]}, r'annotations\[0\]: .*\$.bbox\[3\].*Fix: .*NaN'),
        ({'image_id': 'three'}, r'annotations\[0\]: .*\$.image_id'),
        ({'image_id': 5}, r"annotations\[0\]: image_id 5 is not among 'images' \(1 such"),
        ({'scale': 4}, r'annotations\[0\]: .*\$.scale'),
    ],
)
def test_bad_annotations_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        read_truth(truth_file(tmp_path, **changes))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            {'images': [{'id': 3}, {'id': 3}, {'id': 4}]},
            r'truth\.json: images: id 3 occurs 2 times',
        ),
        ({'images': None}, r'truth\.json: images: missing key\. Fix: '),
        ({'images': [{'name': 'a.jpg'}]}, r'truth\.json: images\[0\]: .*`id`.*Fix: '),
        ({'annotations': None}, r'truth\.json: annotations: missing key\. Fix: '),
    ],
)
def test_truth_that_contradicts_itself_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = truth_file(tmp_path)
    content = {**json.loads(path.read_text()), **change}
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))
    with pytest.raises(EvaluationError, match=message):
        read_truth(path)


def test_annotation_ids_may_not_repeat(tmp_path: Path) -> None:
    path = truth_file(tmp_path)
    content = json.loads(path.read_text())
    content['annotations'] *= 2
    path.write_text(json.dumps(content))
    with pytest.raises(EvaluationError, match=r'annotations: id 1 occurs 2 times .*Fix: give each'):
        read_truth(path)


def test_truncated_files_are_named(tmp_path: Path) -> None:
    path = truth_file(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    with pytest.raises(EvaluationError, match=r'truth\.json: .*Fix: '):
        read_truth(path)
    packed = tmp_path / 'truth.json.gz'
    packed.write_bytes(gzip.compress(whole)[:60])
    with pytest.raises(EvaluationError, match=r'truth\.json\.gz: not a whole gzip file'):
        read_truth(packed)
    with pytest.raises(FileNotFoundError, match=r'absent\.json'):
        read_detections(tmp_path / 'absent.json')


def test_truth_and_results_in_the_wrong_place_are_told(tmp_path: Path) -> None:
    truth, results = truth_file(tmp_path), result_file(tmp_path, result())
    with pytest.raises(EvaluationError, match=r'results\.json: a JSON list, as results are.*Fix: '):
        read_truth(results)
    message = (
        r'truth\.json: a JSON object \(a dict\) with the keys images.*Fix: .*front of the resu'
    )
    with pytest.raises(EvaluationError, match=message):
        read_detections(truth)


def test_results_of_others_are_read(tmp_path: Path) -> None:
    compact = result(score=1, keypoints=[5, 6.5, 0] + [0] * 21, segmentation=[{}], area=None)
    path = result_file(tmp_path, compact, result(category_id=13, bbox=[0.25, 0, 1, 1]))
    rows = read_detections(path)
    assert rows.labels.tolist() == [SKIRT, 12]
    assert rows.scores.tolist() == [1, 0.5]
    assert rows.boxes_xywh.tolist() == [[1, 2, 30, 40], [0.25, 0, 1, 1]]
    assert rows.keypoints is not None
    assert rows.keypoints.shape == (8 + 19, 2)
    assert rows.keypoints[:2].tolist() == [[5, 6.5], [0, 0]]
    assert not rows.keypoints[8:].any()  # the skirt's slots are none of a sling dress


def test_no_results_are_results(tmp_path: Path) -> None:
    rows = read_detections(result_file(tmp_path))
    assert len(rows) == 0
    assert rows.keypoints is not None


def test_a_box_detector_gives_no_landmarks(tmp_path: Path) -> None:
    assert read_detections(result_file(tmp_path, result(keypoints=None))).keypoints is None


def test_landmarks_alone_get_their_extent_as_box(tmp_path: Path) -> None:
    skirt = [value for k in range(8) for value in (5 + 2 * k, 6 - k, 1)]
    read = read_results(result_file(tmp_path, result(bbox=None, keypoints=skirt)))
    assert not read.has_boxes
    assert read.rows.boxes_xywh.tolist() == [[5, -1, 14, 7]]
    assert read_results(result_file(tmp_path, result())).has_boxes


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'category_id': 0}, r'results\.json: \[1\]: category_id: .*0 is not in.*Fix: '),
        ({'keypoints': [0] * 51}, r'\[1\]: keypoints has 51 numbers, expected 882 .*24 \(skirt\)'),
        ({'keypoints': []}, r'\[1\]: keypoints has 0 numbers'),
        ({'keypoints': ['a'] * 24}, r'\[1\]\.keypoints\[0\]: Expected .*Fix: '),
        ({'keypoints': [[0, 0, 1]] * 8}, r'\[1\]\.keypoints\[0\]: Expected'),
        ({'keypoints': None}, r'1 of 2 results have keypoints\. Fix: '),
        ({'bbox': None}, r'1 of 2 results have bbox\. Fix: '),
        ({'score': float('nan')}, r'\[1\]\.score: NaN is not a number\. Fix: '),
        ({'image_id': '000003'}, r'\[1\]\.image_id: Expected `int`, got `str`\. Fix: '),
    ],
)
def test_bad_results_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        read_detections(result_file(tmp_path, result(), result(**{'image_id': 4, **changes})))


def test_results_without_boxes_and_landmarks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match='neither bbox nor keypoints'):
        read_detections(result_file(tmp_path, result(bbox=None, keypoints=None)))


def test_dense_landmarks_can_be_insisted_on(tmp_path: Path) -> None:
    path = result_file(tmp_path, result(keypoints=[1] * 24))
    assert len(read_results(path).rows) == 1
    with pytest.raises(EvaluationError, match=r'24 numbers, expected 882 \(all landmarks\)\. Fix'):
        read_results(path, DEEPFASHION2, dense=True)
