# SPDX-License-Identifier: Apache-2.0
"""Fusion with the mirror image, by hand and as a property."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from deepmark.models.heads import CenterNetKeypointHead
from deepmark.models.heads.flip_fusion import HeadMaps, fuse_mirrored

# Channels of the tiny schema: a bar's landmarks 0 and 1 are a pair, a corner's 2, 3, 4 are not.
FLIPS = torch.tensor([1, 0, 2, 3, 4])
WIDTH = 4


class Reader:
    """The same value in every cell, plus a hundredth of the cell's x."""

    def __init__(self, values: dict[str, list[float]]) -> None:
        self.values = values

    def read(self, branch: str, cells: Tensor) -> Tensor:
        return torch.tensor(self.values[branch]) + cells[..., :1] / 100


PLAIN = Reader(
    {
        'box_size': [3.0, 5.0],
        'center_offset': [0.2, 0.4],
        'coarse_keypoints': [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0],
        'keypoint_offset': [0.1, 0.3],
    }
)
MIRRORED = Reader(
    {
        'box_size': [5.0, 7.0],
        'center_offset': [0.6, 0.8],
        'coarse_keypoints': [-1.0, 20.0, -3.0, 40.0, -5.0, 60.0, -7.0, 80.0, -9.0, 100.0],
        'keypoint_offset': [0.5, 0.7],
    }
)


def fuse(offsets: Any) -> HeadMaps:
    center = torch.zeros(2, 1, 1, 1, WIDTH)
    center[0, 0, 0, 0, 1], center[1, 0, 0, 0, 2] = 0.8, 0.4  # x = 1 is x = 2 in the mirror
    keypoints = torch.zeros(2, 1, 5, 1, WIDTH)
    keypoints[0, 0, 0, 0, 0], keypoints[1, 0, 1, 0, 3] = 0.6, 0.2  # landmark 0 appears as 1
    plain, mirrored = (
        HeadMaps(center[i], keypoints[i], reader) for i, reader in enumerate((PLAIN, MIRRORED))
    )
    return fuse_mirrored(plain, mirrored, FLIPS, 4, offsets)


def test_heatmaps_are_averaged_with_pairs_exchanged() -> None:
    maps = fuse('unflipped')
    torch.testing.assert_close(maps.center_heatmap[0, 0, 0], torch.tensor([0.0, 0.6, 0.0, 0.0]))
    torch.testing.assert_close(maps.keypoint_heatmap[0, 0, 0], torch.tensor([0.4, 0, 0, 0]))
    assert maps.keypoint_heatmap[0, 1:].abs().max() == 0


def test_offsets_of_the_plain_image() -> None:
    reader = fuse('unflipped').reader
    cells = torch.tensor([[[1, 0]]])  # the mirrored reader is asked at x = 2
    torch.testing.assert_close(reader.read('box_size', cells)[0, 0], torch.tensor([4.015, 6.015]))
    torch.testing.assert_close(
        reader.read('center_offset', cells)[0, 0], torch.tensor([0.21, 0.41])
    )
    torch.testing.assert_close(
        reader.read('keypoint_offset', cells)[0, 0], torch.tensor([0.11, 0.31])
    )
    coarse = reader.read('coarse_keypoints', cells)[0, 0].view(5, 2)
    # Landmark 0: x (1.01 + (3 - 0.02)) / 2, y (2.01 + 40.02) / 2; landmark 2 has no partner.
    torch.testing.assert_close(coarse[0], torch.tensor([(1.01 + 2.98) / 2, (2.01 + 40.02) / 2]))
    torch.testing.assert_close(coarse[1], torch.tensor([(3.01 + 0.98) / 2, (4.01 + 20.02) / 2]))
    torch.testing.assert_close(coarse[2], torch.tensor([(5.01 + 4.98) / 2, (6.01 + 60.02) / 2]))


def test_averaged_offsets() -> None:
    reader = fuse('average').reader
    cells = torch.tensor([[[1, 0]]])
    # At stride 4 an offset o becomes 0.75 - o: 0.62 -> 0.13.
    torch.testing.assert_close(
        reader.read('center_offset', cells)[0, 0], torch.tensor([(0.21 + 0.13) / 2, 0.615])
    )
    coarse = reader.read('coarse_keypoints', cells)[0, 0].view(5, 2)
    assert coarse[2, 0].item() == pytest.approx((5.01 + 0.75 + 4.98) / 2)


class TestEquivariance:
    """A mirrored image must give the mirrored garments, whatever the network says."""

    def predict(self, schema: dict[str, Any], samples: list[Any], offsets: str) -> tuple[Any, Any]:
        torch.manual_seed(0)
        head = CenterNetKeypointHead(
            4,
            feat_channels=8,
            schema=schema,
            test_cfg={
                'flip': True,
                'flip_offsets': offsets,
                'keypoint_threshold': 0.05,
                'score_thr': 1e-6,  # the rest are no peaks
            },
        )
        with torch.no_grad():
            for branch in head.stacks[0].values():
                branch[2].weight.mul_(4)  # peaks that differ
        image, mirror = torch.randn(2, 2, 4, 12, 20)  # features of two images and of their mirrors
        with torch.no_grad():
            direct = head.predict([image], samples, rescale=False, mirrored_features=[mirror])
            other = head.predict([mirror], samples, rescale=False, mirrored_features=[image])
        assert direct[0].scores.max() > 0.2
        return direct[0], other[0]

    @pytest.mark.parametrize('offsets', ['unflipped', 'average'])
    def test_scores_and_sizes_in_any_case(
        self, offsets: str, tiny_schema: dict[str, Any], samples: list[Any]
    ) -> None:
        direct, other = self.predict(tiny_schema, samples, offsets)
        torch.testing.assert_close(direct.scores, other.scores)
        assert direct.labels.tolist() == other.labels.tolist()
        sizes = direct.bboxes[:, 2:] - direct.bboxes[:, :2]
        torch.testing.assert_close(sizes, other.bboxes[:, 2:] - other.bboxes[:, :2])

    def test_positions_with_averaged_offsets(
        self, tiny_schema: dict[str, Any], samples: list[Any]
    ) -> None:
        direct, other = self.predict(tiny_schema, samples, 'average')
        last = 4 * 20 - 1  # the last pixel's coordinate
        mirrored = last - other.bboxes[:, [2, 1, 0, 3]]
        mirrored[:, [1, 3]] = other.bboxes[:, [1, 3]]
        torch.testing.assert_close(direct.bboxes, mirrored)
        points = other.keypoints.clone()
        points[..., 0] = last - points[..., 0]
        bars = other.labels == 0
        points[bars] = points[bars][:, [1, 0, 2]]
        own = torch.tensor([[True, True, False], [True, True, True]])[other.labels]
        torch.testing.assert_close(direct.keypoints[own], points[own])

    def test_positions_with_the_offsets_of_the_plain_image_are_not_quite(
        self, tiny_schema: dict[str, Any], samples: list[Any]
    ) -> None:
        direct, other = self.predict(tiny_schema, samples, 'unflipped')
        assert (direct.bboxes[:, 0] - (79 - other.bboxes[:, 2])).abs().max() > 0.1
