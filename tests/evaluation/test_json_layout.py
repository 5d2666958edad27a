# SPDX-License-Identifier: Apache-2.0
"""Official JSON files: what is read, what is written, what is refused."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepmark.evaluation.coco_evaluation import evaluate
from deepmark.evaluation.json_layout import read_detections, read_truth, write_detections

from .garment_examples import SKIRT, found, random_rows, skirt_truth

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


def test_truth_keeps_own_landmarks_and_images_without_garments(tmp_path: Path) -> None:
    truth = read_truth(truth_file(tmp_path))
    assert truth.image_ids.tolist() == [3, 4]
    assert truth.rows.labels.tolist() == [SKIRT]
    assert truth.rows.boxes_xywh.tolist() == [[1, 2, 30, 40]]
    assert truth.rows.keypoints.shape == (8, 3)
    assert truth.rows.keypoints[:3].tolist() == [[5, 6, 2], [7, 8, 1], [0, 0, 0]]


def test_compact_and_missing_landmarks_are_read(tmp_path: Path) -> None:
    compact = read_truth(truth_file(tmp_path, keypoints=[5, 6, 2] + [0] * 21)).rows
    assert compact.keypoints[0].tolist() == [5, 6, 2]
    none = read_truth(truth_file(tmp_path, keypoints=None)).rows
    assert none.keypoints.tolist() == np.zeros((8, 3)).tolist()


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'category_id': 14}, r'truth.json: annotations\[0\]: category_id: .*14'),
        ({'keypoints': [0] * 36}, r'annotations\[0\]: keypoints has 36 numbers, expected 882 .*24'),
        ({'bbox': None}, r'annotations\[0\]: .*`bbox`'),
        ({'bbox': [1, 2, 3]}, r'annotations\[0\]: .*\$.bbox'),
        ({'image_id': 'three'}, r'annotations\[0\]: .*\$.image_id'),
    ],
)
def test_bad_annotations_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_truth(truth_file(tmp_path, **changes))


def test_truncated_files_are_named(tmp_path: Path) -> None:
    path = truth_file(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    with pytest.raises(ValueError, match=r'truth\.json: '):
        read_truth(path)
    packed = tmp_path / 'truth.json.gz'
    packed.write_bytes(gzip.compress(whole)[:60])
    with pytest.raises(ValueError, match=r'truth\.json\.gz: not a whole gzip file'):
        read_truth(packed)


def test_results_come_back_with_equal_figures(tmp_path: Path) -> None:
    truth, detections = random_rows(seed=2)
    path = tmp_path / 'new' / 'results.json'
    write_detections(path, detections)
    again = read_detections(path)
    image_ids = np.arange(1, 13)
    assert evaluate(truth, again, image_ids) == evaluate(truth, detections, image_ids)
    assert again.keypoints is not None
    assert np.array_equal(again.keypoints, detections.keypoints)


def test_results_have_the_official_layout(tmp_path: Path) -> None:
    detections = replace(found(skirt_truth()), scores=np.array([0.5]))
    write_detections(tmp_path / 'results.json', detections)
    [record] = json.loads((tmp_path / 'results.json').read_text())
    assert record == {
        'image_id': 1,
        'category_id': 9,
        'bbox': [0, 0, 100, 50],
        'score': 0.5,
        'keypoints': dense([(10 * k, 20, 1) for k in range(8)]),
    }


def test_results_of_a_box_detector_have_no_landmarks(tmp_path: Path) -> None:
    path = tmp_path / 'results.json'
    write_detections(path, replace(found(skirt_truth()), keypoints=None))
    assert 'keypoints' not in json.loads(path.read_text())[0]
    assert read_detections(path).keypoints is None


def test_mixed_results_are_refused(tmp_path: Path) -> None:
    record = {'image_id': 1, 'category_id': 9, 'bbox': [0, 0, 1, 1], 'score': 1}
    path = tmp_path / 'results.json'
    path.write_text(json.dumps([record, {**record, 'keypoints': [0] * 882}]))
    with pytest.raises(ValueError, match='1 of 2 results have keypoints'):
        read_detections(path)


def test_an_existing_file_is_kept_unless_told_otherwise(tmp_path: Path) -> None:
    path = tmp_path / 'results.json'
    path.write_text('precious')
    detections = found(skirt_truth())
    with pytest.raises(FileExistsError, match=r'results\.json exists already'):
        write_detections(path, detections)
    assert path.read_text() == 'precious'
    write_detections(path, detections, overwrite=True)
    assert len(read_detections(path)) == 1
    assert [p.name for p in tmp_path.iterdir()] == ['results.json']
