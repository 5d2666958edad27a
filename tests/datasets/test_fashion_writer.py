# SPDX-License-Identifier: Apache-2.0
"""Drawn garments in FLD's layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from deepmark.datasets import FashionLandmarkDataset
from deepmark.datasets.fashion_lists import find_lists, read_lists
from deepmark.datasets.fashion_records import HAS_LANDMARK, LANDMARKS, FashionRecords
from deepmark.datasets.garments import GarmentConfig, GarmentError
from deepmark.datasets.garments.fashion_writer import (
    clothes_type_of,
    landmark_indices,
    make_fashion_landmarks,
    native_to_records,
)
from deepmark.datasets.problems import Problems
from deepmark.schema import DEEPFASHION2, get_schema

SMALL = GarmentConfig(size=64).at_difficulty('easy')


@pytest.fixture(scope='module')
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('drawn') / 'fld'
    return make_fashion_landmarks(folder, {'train': 6, 'test': 3}, SMALL, workers=1, progress=False)


def read(root: Path) -> FashionRecords:
    problems = Problems()
    records = read_lists(find_lists(root), problems).records
    problems.report()
    return records


def test_clothes_types() -> None:
    types = [clothes_type_of(category) for category in DEEPFASHION2.categories]
    # Tops and outwear (6), shorts, trousers, skirt (3), dresses (4).
    assert types == [1] * 6 + [2] * 3 + [3] * 4


def test_landmarks_by_their_numbers_in_deepfashion2() -> None:
    """Numbers from 1, as in DeepFashion2's figure; read off docs/landmark_groups.md."""
    by_hand = {
        1: [2, 6, 9, 23, None, None, 15, 17],
        4: [2, 6, 11, 29, None, None, 19, 21],
        6: [2, 6, 7, 15, None, None, 10, 12],
        7: [None, None, None, None, 1, 3, 5, 9],
        8: [None, None, None, None, 1, 3, 6, 12],
        9: [None, None, None, None, 1, 3, 5, 7],
        11: [2, 6, 11, 33, 19, 25, 21, 23],
        12: [2, 6, 7, 19, 10, 16, 12, 14],
    }
    for category_id, numbers in by_hand.items():
        category = DEEPFASHION2.categories[category_id - 1]
        found = [None if i is None else i + 1 for i in landmark_indices(category)]
        assert found == numbers, category.name


def test_left_and_right_are_each_others_mirror_image() -> None:
    for label, category in enumerate(DEEPFASHION2.categories):
        indices = landmark_indices(category)
        for left, right in zip(indices[::2], indices[1::2], strict=True):
            if left is not None:
                assert DEEPFASHION2.flip_index[label, left] == right, category.name


def test_a_category_without_the_landmarks() -> None:
    mapping: Mapping[str, Any] = {
        'name': 'own',
        'categories': [{'id': 1, 'name': 'sock', 'num_keypoints': 2, 'sigmas': [0.1, 0.1]}],
    }
    with pytest.raises(GarmentError, match='sock: no landmark group neck_left or strap_foot_left'):
        landmark_indices(get_schema(mapping).categories[0])


def test_layout(drawn: Path) -> None:
    assert sorted(p.name for p in drawn.iterdir()) == ['Anno', 'Eval', 'img']
    records = read(drawn)
    assert [records.name(row) for row in (0, 8)] == ['img/img_00000001.jpg', 'img/img_00000009.jpg']
    assert records.splits.tolist() == [0] * 6 + [2] * 3
    assert cv2.imread(str(drawn / records.name(8))).shape == (64, 64, 3)


def test_landmarks_lie_in_their_boxes_and_boxes_in_their_images(drawn: Path) -> None:
    records = read(drawn)
    assert (records.bboxes[:, :2] >= 0).all()
    assert (records.bboxes[:, 2:] <= 64).all()
    inside = records.without_landmarks_outside_the_box()
    np.testing.assert_array_equal(inside.keypoints, records.keypoints)
    labelled = records.keypoints[..., 2] > 0
    assert not (labelled & ~HAS_LANDMARK[records.clothes_types]).any()
    assert (records.keypoints[..., 2] == 2).any(axis=1).all()


def test_the_data_set_reads_it(drawn: Path) -> None:
    assert len(FashionLandmarkDataset(data_root=str(drawn), split='train')) == 6
    assert len(FashionLandmarkDataset(data_root=str(drawn), split='test', test_mode=True)) == 3


def test_same_seed_same_files(drawn: Path, tmp_path: Path) -> None:
    counts = {'train': 6, 'test': 3}
    again = make_fashion_landmarks(tmp_path / 'a', counts, SMALL, workers=1, progress=False)
    for name in ('Anno/list_bbox.txt', 'Anno/list_landmarks.txt', 'img/img_00000009.jpg'):
        assert (again / name).read_bytes() == (drawn / name).read_bytes()


def test_an_existing_folder_stays(drawn: Path) -> None:
    before = (drawn / 'Anno/list_bbox.txt').stat().st_mtime_ns
    with pytest.raises(FileExistsError, match='--overwrite'):
        make_fashion_landmarks(drawn, {'train': 1}, SMALL)
    assert (drawn / 'Anno/list_bbox.txt').stat().st_mtime_ns == before


@pytest.mark.parametrize('counts', [{}, {'train': 0}, {'validation': 3}])
def test_counts(tmp_path: Path, counts: dict[str, int]) -> None:
    with pytest.raises(GarmentError, match='expected images of train, val, test'):
        make_fashion_landmarks(tmp_path / 'a', counts, SMALL)


def test_native_annotation_by_hand(tmp_path: Path) -> None:
    """A skirt (category 9: 1 3 the waist, 5 7 the hem) with an occluded and a cut off corner."""
    for name in ('image', 'annos'):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / 'image/000007.jpg'), np.zeros((80, 100, 3), np.uint8))
    landmarks = [20, 10, 2, 40, 10, 2, 60, 11, 1, 18, 40, 2, 15.4, 69.6, 2, 40, 70, 2, 0, 0, 0,
                 62, 40, 2]  # fmt: skip
    item = {'category_id': 9, 'bounding_box': [15, 10, 65, 70], 'landmarks': landmarks}
    (tmp_path / 'annos/000007.json').write_text(json.dumps({'item1': item, 'pair_id': 1}))
    records = native_to_records(tmp_path, 'val')
    assert records.clothes_types.tolist() == [2]
    # Five per cent of 50 x 60 on each side, rounded outwards.
    assert records.bboxes.tolist() == [[12, 7, 68, 73]]
    found = dict(zip(LANDMARKS, records.keypoints[0].tolist(), strict=True))
    assert found['left waistline'] == [20, 10, 2]
    assert found['right waistline'] == [60, 11, 1]
    assert found['left hem'] == [15, 70, 2]
    assert found['right hem'] == [0, 0, 0]
    assert found['left collar'] == [0, 0, 0]
