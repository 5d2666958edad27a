# SPDX-License-Identifier: Apache-2.0
"""Official result files as they are written."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepmark.evaluation.coco_evaluation import evaluate
from deepmark.evaluation.garment_rows import DetectionRows
from deepmark.evaluation.json_layout import read_detections
from deepmark.evaluation.result_writer import write_detections, write_parts

from .garment_examples import found, random_rows, skirt_truth

FIRST_SKIRT_SLOT = 182
IMAGE_IDS = np.arange(1, 13)


def test_results_come_back_with_equal_figures(tmp_path: Path) -> None:
    truth, detections = random_rows(seed=2)
    path = tmp_path / 'new' / 'results.json'
    write_detections(path, detections)
    again = read_detections(path)
    assert evaluate(truth, again, IMAGE_IDS) == evaluate(truth, detections, IMAGE_IDS)
    assert again.keypoints is not None
    assert np.array_equal(again.keypoints, detections.keypoints)


def test_results_have_the_official_layout(tmp_path: Path) -> None:
    detections = replace(found(skirt_truth()), scores=np.array([0.5]))
    write_detections(tmp_path / 'results.json', detections)
    [record] = json.loads((tmp_path / 'results.json').read_text())
    keypoints = [0] * 882
    keypoints[3 * FIRST_SKIRT_SLOT : 3 * (FIRST_SKIRT_SLOT + 8)] = [
        value for k in range(8) for value in (10 * k, 20, 1)
    ]
    assert list(record) == ['image_id', 'category_id', 'bbox', 'score', 'keypoints']
    assert record == {
        'image_id': 1,
        'category_id': 9,
        'bbox': [0, 0, 100, 50],
        'score': 0.5,
        'keypoints': keypoints,
    }


def test_results_of_a_box_detector_have_no_landmarks(tmp_path: Path) -> None:
    path = tmp_path / 'results.json'
    write_detections(path, replace(found(skirt_truth()), keypoints=None))
    assert 'keypoints' not in json.loads(path.read_text())[0]
    assert read_detections(path).keypoints is None


def test_no_results_are_an_empty_list(tmp_path: Path) -> None:
    write_detections(tmp_path / 'results.json', DetectionRows.concatenate([]))
    assert json.loads((tmp_path / 'results.json').read_text()) == []


def test_coordinates_are_rounded_on_request_and_scores_never(tmp_path: Path) -> None:
    detections = replace(
        found(skirt_truth(x=1 / 3), score=1 / 3), boxes_xywh=np.full((1, 4), np.float32(12.3456))
    )
    path = tmp_path / 'results.json'
    write_detections(path, detections, decimals=2)
    [record] = json.loads(path.read_text())
    assert record['bbox'] == [12.35] * 4
    assert record['keypoints'][3 * FIRST_SKIRT_SLOT] == 0.33
    assert record['score'] == 1 / 3


def test_parts_make_one_file_plain_or_packed(tmp_path: Path) -> None:
    _, detections = random_rows(seed=2)
    empty = DetectionRows.concatenate([])
    write_detections(tmp_path / 'whole.json', DetectionRows.concatenate([detections] * 2))
    parts = [empty, detections, empty, detections]
    assert write_parts(tmp_path / 'parts.json.gz', parts) == 2 * len(detections)
    whole = (tmp_path / 'whole.json').read_bytes()
    assert gzip.decompress((tmp_path / 'parts.json.gz').read_bytes()) == whole


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


def test_an_error_on_the_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / 'results.json'
    path.write_text('old')

    def failing() -> Iterator[DetectionRows]:
        yield found(skirt_truth())
        raise OSError('disk full')

    with pytest.raises(OSError, match='disk full'):
        write_parts(path, failing(), overwrite=True)
    assert path.read_text() == 'old'
    assert [p.name for p in tmp_path.iterdir()] == ['results.json']
