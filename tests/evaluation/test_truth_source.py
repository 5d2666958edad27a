# SPDX-License-Identifier: Apache-2.0
"""Truth from DeepFashion2's own folder equals that from its JSON."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest

from deepmark.datasets.deepfashion2 import DeepFashion2Dataset
from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.garment_rows import TruthRows
from deepmark.evaluation.sample_rows import truth_of_records
from deepmark.evaluation.truth_source import load_truth, truth_of_packed
from deepmark.schema import DEEPFASHION2

LANDMARKS = [value for k in range(8) for value in (10 * k, 20, 1 + k % 2)]


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """Photos 1 and 2 with one and two skirts."""
    for name in ('image', 'annos'):
        (tmp_path / name).mkdir()
    for number in (1, 2):
        image = np.zeros((60, 120, 3), np.uint8)
        assert cv2.imwrite(str(tmp_path / f'image/{number:06d}.jpg'), image)
    item = {
        'category_id': 9,
        'category_name': 'skirt',
        'bounding_box': [5, 10, 105, 60],
        'landmarks': LANDMARKS,
        'segmentation': [[5, 10, 105, 10, 105, 60]],
        'scale': 1,
        'occlusion': 2,
        'zoom_in': 3,
        'viewpoint': 2,
        'style': 5,
    }
    for number, items in ((1, {'item1': item}), (2, {'item1': item, 'item2': item})):
        content = {'source': 'shop', 'pair_id': 7, **items}
        (tmp_path / f'annos/{number:06d}.json').write_text(json.dumps(content))
    return tmp_path


@pytest.mark.parametrize('folder', ['annos', '.'])
def test_the_native_folder_is_read(split: Path, folder: str) -> None:
    truth = load_truth(split / folder, DEEPFASHION2)
    assert truth.image_ids.tolist() == [1, 2]
    assert truth.rows.image_ids.tolist() == [1, 2, 2]
    assert truth.rows.boxes_xywh.tolist() == [[5, 10, 100, 50]] * 3
    assert truth.rows.keypoints.ravel().tolist() == 3 * LANDMARKS
    assert truth.rows.labels.tolist() == [8, 8, 8]
    assert truth.rows.crowd.tolist() == [False] * 3
    assert truth.rows.attributes is not None
    assert truth.rows.attributes.tolist() == [[1, 2, 3, 2]] * 3
    assert truth.file_names == ['000001.jpg', '000002.jpg']
    assert truth.image_wh.tolist() == [[120, 60]] * 2


def test_packed_truth_is_the_truth_of_the_records(split: Path) -> None:
    """The metric reads records; the rows of both ways must be one."""
    data_set = DeepFashion2Dataset(
        ann_file=str(split / 'annos'), data_prefix={'img': str(split / 'image')}, test_mode=True
    )
    records = [data_set.get_data_info(index) for index in range(len(data_set))]
    expected = TruthRows.concatenate(
        [
            truth_of_records(r['instances'], r['img_id'], r['img_path'], DEEPFASHION2)
            for r in records
        ]
    )
    rows = truth_of_packed(data_set.data_list.packed).rows
    for field in fields(TruthRows):
        assert np.array_equal(getattr(rows, field.name), getattr(expected, field.name)), field.name


def test_bad_annotations_are_named(split: Path) -> None:
    path = split / 'annos/000001.json'
    content = json.loads(path.read_text())
    content['item1']['landmarks'] = LANDMARKS[:-3]
    path.write_text(json.dumps(content))
    with pytest.raises(EvaluationError, match=r'000001\.json.*landmarks'):
        load_truth(split / 'annos', DEEPFASHION2)
    with pytest.raises(EvaluationError, match=r'image: holds neither annos nor \.json files\. Fix'):
        load_truth(split / 'image', DEEPFASHION2)


def test_a_file_is_read_as_json(tmp_path: Path) -> None:
    annotation = {'image_id': 4, 'category_id': 9, 'bbox': [0, 0, 9, 9], 'keypoints': LANDMARKS}
    content = {'images': [{'id': 4}], 'annotations': [annotation]}
    (tmp_path / 'truth.json').write_text(json.dumps(content))
    truth = load_truth(tmp_path / 'truth.json', DEEPFASHION2)
    assert truth.rows.keypoints.ravel().tolist() == LANDMARKS
