# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io

import torch

from deepmark.datasets.schema_metainfo import schema_metainfo, schema_to_dict
from deepmark.schema import DEEPFASHION2, Category, LandmarkSchema, get_schema


def test_mapping_gives_an_equal_schema_back() -> None:
    assert get_schema(schema_to_dict(DEEPFASHION2)) == DEEPFASHION2


def test_user_schema_comes_back_too() -> None:
    shoe = Category(
        'shoe',
        5,
        3,
        ((0, 2),),
        ((0, 1), (1, 2)),
        (0.1, 0.2, 0.3),
        ('boot',),
        (1, 2, 3),
        ('heel', 'toe', 'top'),
    )
    schema = LandmarkSchema('shoes', [shoe])
    assert get_schema(schema_to_dict(schema)) == schema


def test_metainfo_survives_a_weights_only_checkpoint() -> None:
    file = io.BytesIO()
    torch.save(schema_metainfo(DEEPFASHION2), file)
    file.seek(0)
    loaded = torch.load(file, weights_only=True)
    assert loaded['classes'] == DEEPFASHION2.class_names
    assert get_schema(loaded['schema']) == DEEPFASHION2
