# SPDX-License-Identifier: Apache-2.0
"""A transform follows the data set's schema, and refuses to follow two."""

from __future__ import annotations

import copy

import pytest

from deepmark.datasets.transforms.record_schema import schema_of
from deepmark.schema import DEEPFASHION2, LandmarkSchema, get_schema


@pytest.fixture
def toys() -> LandmarkSchema:
    kite = {'id': 7, 'name': 'kite', 'num_keypoints': 4, 'sigmas': 0.05}
    return get_schema({'name': 'toys', 'categories': [kite]})


def test_the_records_own_then_the_transforms_then_deepfashion2(toys: LandmarkSchema) -> None:
    assert schema_of({'schema': toys}, None) is toys
    assert schema_of({'schema': toys}, toys) is toys
    assert schema_of({}, toys) is toys
    assert schema_of({}, None) is DEEPFASHION2


def test_two_schemas_are_an_error(toys: LandmarkSchema) -> None:
    with pytest.raises(
        ValueError, match=r"a\.jpg: the transform has schema=.*'toys'.*leave schema"
    ):
        schema_of({'schema': DEEPFASHION2, 'img_path': 'a.jpg'}, toys)


def test_a_record_is_copied_without_copying_its_schema(toys: LandmarkSchema) -> None:
    assert copy.deepcopy({'schema': toys})['schema'] is toys
