# SPDX-License-Identifier: Apache-2.0
"""The strict check of a result file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.garment_rows import DetectionRows
from deepmark.evaluation.result_writer import write_detections
from deepmark.evaluation.submission_check import check_submission

from .garment_examples import found, skirt_truth

ROWS = DetectionRows.concatenate([found(skirt_truth(i, x=x)) for i, x in ((4, 0), (4, 9), (6, 0))])


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    write_detections(tmp_path / 'results.json.gz', ROWS)
    return tmp_path / 'results.json.gz'


def test_a_valid_file_is_summed_up(submission: Path) -> None:
    summary = check_submission(submission, [4, 5, 6], max_per_image=2)
    assert (summary.results, summary.images, summary.most_per_image) == (3, 2, 2)
    assert summary.per_category['skirt'] == 3
    assert sum(summary.per_category.values()) == 3


def test_an_empty_file_is_valid(tmp_path: Path) -> None:
    (tmp_path / 'r.json').write_text('[]')
    assert check_submission(tmp_path / 'r.json')[:3] == (0, 0, 0)


def test_what_is_not_allowed(submission: Path, tmp_path: Path) -> None:
    with pytest.raises(
        EvaluationError, match=r'\[2\]: image_id 6 is not among the 2 images of the'
    ):
        check_submission(submission, [4, 5])
    with pytest.raises(
        EvaluationError, match=r'2 results for image_id 4, at most 1 are allowed\. F'
    ):
        check_submission(submission, max_per_image=1)
    write_detections(tmp_path / 'boxes.json', replace(ROWS, keypoints=None))
    with pytest.raises(EvaluationError, match=r'boxes\.json: the results have no keypoints\. Fix'):
        check_submission(tmp_path / 'boxes.json')


def test_landmarks_must_be_dense_and_boxes_be_there(tmp_path: Path) -> None:
    path = tmp_path / 'r.json'
    entry = {'image_id': 1, 'category_id': 9, 'score': 1, 'keypoints': [0] * 882}
    path.write_text(json.dumps([entry]))
    with pytest.raises(EvaluationError, match=r'no bbox\. Fix'):
        check_submission(path)
    path.write_text(json.dumps([{**entry, 'bbox': [0, 0, 1, 1], 'keypoints': [0] * 24}]))
    with pytest.raises(EvaluationError, match='24 numbers, expected 882'):
        check_submission(path)
