# SPDX-License-Identifier: Apache-2.0
"""Decoding against the original's (reference cases with ``head_maps.npz``)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deepmark.codecs import CenterKeypointCodec
from deepmark.codecs.peaks import is_local_maximum

CASE_FILES = ('head_maps.npz', 'expected.npz', 'meta.json')

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


def test_detections_equal_the_original(case_folder: Path) -> None:
    with np.load(case_folder / 'head_maps.npz') as file:
        maps = {name: torch.from_numpy(file[name]).float()[None] for name in file.files}
    with np.load(case_folder / 'expected.npz') as file:
        expected = {name: file[name] for name in file.files}
    # The original has one K: for the centres and for the peaks of each landmark channel.
    k = json.loads((case_folder / 'meta.json').read_text())['topk']
    codec = CenterKeypointCodec(detections=k, peaks_per_channel=k)
    found = codec.decode(maps['hm'], maps['hm_hp'], ReferenceMaps(maps))
    scores = found.scores[0]
    np.testing.assert_allclose(scores, expected['scores'], atol=1e-6)
    count = settled(scores, maps['hm'])
    ours = in_order(found.boxes_xyxy[0].numpy(), found.labels[0].numpy(), scores.numpy())[:count]
    theirs = in_order(expected['bboxes_xyxy'], expected['labels'], expected['scores'])[:count]
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


def settled(scores: Tensor, center_heatmap: Tensor) -> int:
    """How many of the detections can be compared, counted from the best.

    Not those with score 0, which fill up a small map, nor those with the last score when more peaks
    share it than there is room for: which of them are taken is arbitrary.
    """
    peaks = center_heatmap[is_local_maximum(center_heatmap)]
    overfull = (peaks == scores[-1]).sum() > (scores == scores[-1]).sum()
    return int((scores > (scores[-1] if overfull else 0)).sum())


def in_order(
    boxes: NDArray[np.float32], labels: NDArray[np.int64], scores: NDArray[np.float32]
) -> NDArray[np.intp]:
    """Best first; equal scores, which may have swapped places, by label and box."""
    return np.lexsort((*boxes.round(3).T, labels, -scores))
