# SPDX-License-Identifier: Apache-2.0
"""Truth from DeepFashion2's own folder equals that from its JSON."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from deepmark.evaluation.truth_source import load_truth
from deepmark.schema import DEEPFASHION2

LANDMARKS = [value for k in range(8) for value in (10 * k, 20, 1 + k % 2)]


def test_the_native_folder_is_read(tmp_path: Path) -> None:
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
        'occlusion': 1,
        'zoom_in': 1,
        'viewpoint': 1,
        'style': 0,
    }
    for number, items in ((1, {'item1': item}), (2, {'item1': item, 'item2': item})):
        content = {'source': 'shop', 'pair_id': 7, **items}
        (tmp_path / f'annos/{number:06d}.json').write_text(json.dumps(content))
    truth = load_truth(tmp_path / 'annos', DEEPFASHION2)
    assert truth.image_ids.tolist() == [1, 2]
    assert truth.rows.image_ids.tolist() == [1, 2, 2]
    assert truth.rows.boxes_xywh.tolist() == [[5, 10, 100, 50]] * 3
    assert truth.rows.keypoints[:8].ravel().tolist() == LANDMARKS


def test_a_file_is_read_as_json(tmp_path: Path) -> None:
    annotation = {'image_id': 4, 'category_id': 9, 'bbox': [0, 0, 9, 9], 'keypoints': LANDMARKS}
    content = {'images': [{'id': 4}], 'annotations': [annotation]}
    (tmp_path / 'truth.json').write_text(json.dumps(content))
    truth = load_truth(tmp_path / 'truth.json', DEEPFASHION2)
    assert truth.rows.keypoints.ravel().tolist() == LANDMARKS
