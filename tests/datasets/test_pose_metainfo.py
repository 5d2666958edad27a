# SPDX-License-Identifier: Apache-2.0
"""mmpose's metainfo of a schema, as mmpose parses it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from deepmark.datasets.pose_metainfo import pose_metainfo
from deepmark.schema import DEEPFASHION2

SCHEMA = DEEPFASHION2


@pytest.fixture(scope='module')
def parsed() -> dict[str, Any]:
    return dict(parse_pose_metainfo(pose_metainfo(SCHEMA)))


def test_one_keypoint_a_slot(parsed: dict[str, Any]) -> None:
    assert parsed['num_keypoints'] == SCHEMA.num_slots == 294
    assert len(parsed['keypoint_name2id']) == 294
    # 25 short sleeve top landmarks come first, then 33 of long sleeve top.
    names = parsed['keypoint_id2name']
    assert [names[slot] for slot in (0, 24, 25, 57)] == [
        'short sleeve top 1',
        'short sleeve top 25',
        'long sleeve top 1',
        'long sleeve top 33',
    ]


def test_flips_are_the_schemas(parsed: dict[str, Any]) -> None:
    flips = np.array(parsed['flip_indices'])
    np.testing.assert_array_equal(flips, SCHEMA.slot_flip_index)
    # vest: pair (9, 13) of the slots 128 .. 142, which mmpose's own file breaks
    assert flips[128 + 8] == 128 + 12
    assert flips[flips].tolist() == list(range(294))


def test_sigmas_colours_and_links(parsed: dict[str, Any]) -> None:
    np.testing.assert_array_equal(parsed['sigmas'], SCHEMA.slot_sigmas.astype(np.float32))
    assert parsed['dataset_keypoint_weights'].tolist() == [1.0] * 294
    assert tuple(parsed['keypoint_colors'][293]) == SCHEMA.palette[12]
    assert parsed['num_skeleton_links'] == sum(len(c.skeleton) for c in SCHEMA.categories)
    start = int(SCHEMA.slot_offsets[8])  # skirt
    expected = [(start + a, start + b) for a, b in SCHEMA.skeleton(8)]
    links = [link for link in parsed['skeleton_links'] if start <= link[0] < start + 8]
    assert links == expected
