# SPDX-License-Identifier: Apache-2.0
"""From landmarks in slots to class-local ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deepmark.datasets.transforms import TakeOwnLandmarks
from deepmark.schema import DEEPFASHION2

SKIRT = 8  # label of category id 9: slots 182 .. 189


def sample(category_id: int = 9) -> dict[str, Any]:
    """Slot s at (s, 2 s), transformed to (s, 3 s), with the weight s + 1."""
    slots = np.arange(294, dtype=np.float32)
    return {
        'category_id': category_id,
        'keypoints': np.stack([slots, 2 * slots], axis=-1)[None],
        'transformed_keypoints': np.stack([slots, 3 * slots], axis=-1)[None],
        'keypoints_visible': np.ones((1, 294), np.float32),
        'dataset_keypoint_weights': slots + 1,
        'flip_indices': DEEPFASHION2.slot_flip_index.tolist(),
    }


def test_a_skirt_keeps_its_eight() -> None:
    taken = TakeOwnLandmarks().transform(sample())
    own = np.arange(182, 190)
    for key, factor in (('keypoints', 2), ('transformed_keypoints', 3)):
        assert taken[key].shape == (1, 39, 2)
        np.testing.assert_array_equal(taken[key][0, :8], np.stack([own, factor * own], axis=-1))
        assert not taken[key][0, 8:].any()
    assert taken['keypoints_visible'].tolist() == [[1] * 8 + [0] * 31]
    assert taken['dataset_keypoint_weights'][:8].tolist() == (own + 1).tolist()
    # 1-3 and (12:) 4-8, 5-7 are pairs; 2 and 6 lie on the axis
    assert taken['flip_indices'][:8] == [2, 1, 0, 7, 6, 5, 4, 3]
    assert taken['flip_indices'][8:] == list(range(8, 39))


def test_the_longest_list_has_no_padding() -> None:
    taken = TakeOwnLandmarks().transform(sample(4))
    assert taken['keypoints_visible'].sum() == 39
    assert taken['keypoints'][0, :, 0].tolist() == list(range(89, 128))


def test_mmposes_three_dimensional_visibility() -> None:
    given = sample()
    given['keypoints_visible'] = np.ones((1, 294, 2), np.float32)
    taken = TakeOwnLandmarks().transform(given)['keypoints_visible']
    assert taken.shape == (1, 39, 2)
    assert taken[0].sum(axis=1).tolist() == [2] * 8 + [0] * 31


def test_twice_is_an_error() -> None:
    transform = TakeOwnLandmarks()
    taken = transform.transform(sample())
    with pytest.raises(ValueError, match=r'shape \(1, 39\), expected \(1, 294\).*once'):
        transform.transform(taken)
