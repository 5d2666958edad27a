# SPDX-License-Identifier: Apache-2.0
"""Counts that one can do with a pencil."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deepmark.datasets.check.statistics import Statistics, statistics_of
from deepmark.datasets.packing import ImageRow, ItemRow, pack
from deepmark.schema import DEEPFASHION2, Category, LandmarkSchema

SHOES = LandmarkSchema(
    'shoes',
    [
        Category('boot', 1, 3, (), (), (0.1,) * 3, keypoint_names=('a', 'b', 'c')),
        Category('sandal', 2, 2, (), (), (0.1,) * 2, keypoint_names=('a', 'b')),
        Category('slipper', 3, 1, (), (), (0.1,), keypoint_names=('a',)),
    ],
)


def item(
    label: int,
    visibility: tuple[int, ...],
    side: float,
    attributes: tuple[int, ...] = (0, 0, 0, 0, 0),
    pair_id: int = 0,
    source: str = '',
) -> ItemRow:
    keypoints = np.array([(5, 5, v) for v in visibility], np.float32)
    box = (1.0, 1.0, 1.0 + side, 1.0 + side)
    return ItemRow(label, box, keypoints, 1, attributes=attributes, pair_id=pair_id, source=source)


@pytest.fixture
def statistics() -> Statistics:
    images = [
        ImageRow(
            '1.jpg',
            1,
            640,
            480,
            [
                item(0, (2, 2, 1), 16, (1, 2, 3, 1, 1), 7, 'shop'),
                item(1, (0, 2), 64, (1, 1, 3, 2, 0), 7, 'shop'),
            ],
        ),
        ImageRow('2.jpg', 2, 640, 480, [item(0, (0, 1, 1), 20, (3, 2, 4, 0, 1), 7, 'user')]),
        ImageRow('3.jpg', 3, 640, 480, [item(0, (2, 2, 2), 30, (1, 2, 3, 1, 1), 7, 'user')]),
        ImageRow('4.jpg', 4, 30, 40),
        ImageRow('5.jpg', 5, 640, 480, [item(1, (1, 1), 20, (1, 1, 1, 1, 1), 8)]),
    ]
    return statistics_of(pack(images), SHOES)


def test_garments_and_images(statistics: Statistics) -> None:
    assert (statistics.num_images, statistics.num_items) == (5, 5)
    assert statistics.items_per_category.tolist() == [3, 2, 0]
    assert statistics.items_per_image.tolist() == [1, 3, 1]
    assert statistics.image_sizes == {(640, 480): 4, (30, 40): 1}


def test_landmarks_by_category_absent_occluded_visible(statistics: Statistics) -> None:
    assert statistics.landmarks.tolist() == [[1, 3, 5], [1, 2, 1], [0, 0, 0]]


def test_levels_of_the_attributes(statistics: Statistics) -> None:
    assert statistics.attributes == {
        'scale': {'small': 4, 'moderate': 0, 'large': 1, 'unknown': 0},
        'occlusion': {'slight': 2, 'medium': 3, 'heavy': 0, 'unknown': 0},
        'zoom_in': {'no': 1, 'medium': 0, 'large': 3, 'unknown': 1},
        'viewpoint': {'no wear': 3, 'frontal': 1, 'side or back': 0, 'unknown': 1},
    }


def test_sources_pairs_and_styles(statistics: Statistics) -> None:
    """Style 1 of pair 7 hangs in one shop photo and is worn in two photos of users: two pairs."""
    assert statistics.sources == {'unknown': (1, 1), 'shop': (1, 2), 'user': (2, 2)}
    assert statistics.pairs == {
        'pair_ids': 2,
        'styles': 2,
        'items_with_style': 4,
        'shop_user_pairs': 2,
    }


def test_box_sizes(statistics: Statistics) -> None:
    """Sides 16 20 20 30 64 in bars of a quarter octave: 2**4, 2**4.25, ... 2**6.25."""
    assert statistics.box_edges == pytest.approx(2 ** np.arange(4, 6.3, 0.25))
    assert statistics.box_counts.tolist() == [1, 2, 0, 1, 0, 0, 0, 0, 1]
    assert [statistics.box_percentiles[p] for p in (0, 25, 50, 75, 100)] == [16, 20, 20, 30, 64]


def test_dictionary_is_json_with_names(statistics: Statistics) -> None:
    content = json.loads(json.dumps(statistics.to_dict()))
    assert content['items_per_category'] == {'boot': 3, 'sandal': 2, 'slipper': 0}
    assert content['landmarks'] == {'absent': 2, 'occluded': 5, 'visible': 6}
    assert content['landmarks_per_category']['sandal'] == {
        'absent': 1,
        'occluded': 2,
        'visible': 1,
    }
    assert content['images_without_items'] == 1
    assert content['commonest_image_sizes'] == [[640, 480, 4], [30, 40, 1]]
    assert content['sources']['shop'] == {'images': 1, 'items': 2}
    assert content['box_size_percentiles']['50'] == 20


def test_photos_without_garments() -> None:
    statistics = statistics_of(pack([ImageRow('1.jpg', 1, 8, 9)]), DEEPFASHION2)
    assert (statistics.num_images, statistics.num_items) == (1, 0)
    assert statistics.box_percentiles == {}
    assert statistics.landmarks.shape == (13, 3)
    assert json.dumps(statistics.to_dict())


def test_empty_data_set() -> None:
    statistics = statistics_of(pack([]), DEEPFASHION2)
    assert (statistics.num_images, statistics.num_items) == (0, 0)
    assert statistics.sources == {}
