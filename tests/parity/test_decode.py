# SPDX-License-Identifier: Apache-2.0
"""Decoding against the original's (reference case ``decode``)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from deepmark.codecs import CenterKeypointCodec

NAMES = {
    'box_size': 'wh',
    'center_offset': 'reg',
    'coarse_keypoints': 'hps',
    'keypoint_offset': 'hp_offset',
}


class ReferenceMaps:
    """Reads the stored maps under the original's names."""

    def __init__(self, maps: dict[str, Tensor]) -> None:
        self.maps = maps

    def read(self, branch: str, cells: Tensor) -> Tensor:
        image = torch.arange(len(cells))[:, None]
        return self.maps[NAMES[branch]][image, :, cells[..., 1], cells[..., 0]]


@pytest.fixture
def case(reference_root: Path) -> Path:
    return reference_root / 'decode'


def test_detections_equal_the_original(case: Path) -> None:
    with np.load(case / 'head_maps.npz') as file:
        maps = {name: torch.from_numpy(file[name]).float()[None] for name in file.files}
    with np.load(case / 'expected.npz') as file:
        expected = {name: file[name] for name in file.files}
    codec = CenterKeypointCodec(detections=json.loads((case / 'meta.json').read_text())['topk'])
    found = codec.decode(maps['hm'], maps['hm_hp'], ReferenceMaps(maps))
    np.testing.assert_allclose(found.scores[0], expected['scores'], atol=1e-6)
    # Equal scores may swap places: both sides are sorted by score, then by the box.
    ours = np.lexsort((*found.boxes_xyxy[0].numpy().round(3).T, -found.scores[0].numpy()))
    theirs = np.lexsort((*expected['bboxes_xyxy'].round(3).T, -expected['scores']))
    labels = found.labels[0].numpy()[ours]
    np.testing.assert_array_equal(labels, expected['labels'][theirs])
    np.testing.assert_allclose(
        found.boxes_xyxy[0].numpy()[ours], expected['bboxes_xyxy'][theirs], atol=1e-4
    )
    keypoints, dense = found.keypoints[0].numpy()[ours], expected['keypoints'][theirs]
    for n, label in enumerate(labels):
        first, last = codec.schema.slot_offsets[label : label + 2]
        np.testing.assert_allclose(
            keypoints[n, : last - first], dense[n, first:last], atol=1e-4, err_msg=f'detection {n}'
        )
