# SPDX-License-Identifier: Apache-2.0
"""FLD and DeepFashion-C in memory: eight landmarks, three types of clothes, packed arrays.

The two benchmarks share their definition of landmarks (papers: Liu et al., CVPR 2016 and ECCV
2016; columns as fdjingyuan/Deep-Fashion-Analysis-ECCV2018 and mmfashion read them):

======  ===========  ========================================================
type    name         landmarks, in the order of the lists
======  ===========  ========================================================
1       upper body   collar, sleeve, hem (left, right of each)
2       lower body   waistline, hem
3       full body    collar, sleeve, waistline, hem
======  ===========  ========================================================

*Left* is the left of the image when the garment is seen from the front, i.e. the wearer's right:
so it is on the real photos of FLD that come with mmpose (left collar at x = 71, right at 127).

Visibility here is COCO's: 2 visible, 1 occluded, 0 cut off or not a landmark of this type. The raw
lists say 0 visible, 1 occluded, 2 cut off, so a code c becomes 2 - c. mmpose's files use COCO's
codes already: on its two sample photos all landmarks with 2 can be seen, those with 1 lie behind
hair or on the far side, and the one with 0 (at 0, 0) is outside the photo.

Legend: N garments, one an image; K = 8 landmarks. Coordinates are pixels of the original image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Benchmark = Literal['fld', 'deepfashion_c']
BENCHMARKS: tuple[Benchmark, ...] = ('fld', 'deepfashion_c')
SPLITS = ('train', 'val', 'test')
PARTS = ('collar', 'sleeve', 'waistline', 'hem')
LANDMARKS = tuple(f'{side} {part}' for part in PARTS for side in ('left', 'right'))
UPPER, LOWER, FULL = 1, 2, 3
TYPE_NAMES = {UPPER: 'upper', LOWER: 'lower', FULL: 'full'}
SLOTS: dict[int, tuple[int, ...]] = {
    UPPER: (0, 1, 2, 3, 6, 7),
    LOWER: (4, 5, 6, 7),
    FULL: (0, 1, 2, 3, 4, 5, 6, 7),
}
"""Clothes type to the places of its landmarks among the eight."""
HAS_LANDMARK = np.array([[k in SLOTS[t] for k in range(8)] if t else [False] * 8 for t in range(4)])
"""(4, 8): whether a clothes type (row) has a landmark."""

_LINKS = (
    *(('left collar', 'right collar'), ('left waistline', 'right waistline')),
    *(('left hem', 'right hem'),),
    *((f'{side} collar', f'{side} sleeve') for side in ('left', 'right')),
    *((f'{side} collar', f'{side} waistline') for side in ('left', 'right')),
    *((f'{side} waistline', f'{side} hem') for side in ('left', 'right')),
)
_COLORS = {'left': [255, 128, 0], 'right': [0, 128, 255]}
# The benchmarks have no OKS. This is about the mean of DeepFashion2's constants (.0392), so that
# what is built on OKS runs; no published figure rests on it.
_SIGMA = 0.04


@dataclass(frozen=True)
class FashionRecords:
    """Garments of one or all splits.

    Args:
        names: (N,) bytes, UTF-8: image names as in the lists.
        ids: (N,) number of the garment; in the lists its position in the landmark file, from 1.
        image_ids: (N,) number of the image.
        splits: (N,) int8, index into :data:`SPLITS`.
        clothes_types: (N,) int8, 1 upper, 2 lower, 3 full body.
        variations: (N,) int8 variation type of FLD (1 normal pose ... 5 large zoom-in), 0 none.
        bboxes: (N, 4) float64 x1 y1 x2 y2.
        keypoints: (N, 8, 3) float64 x, y, v with COCO's v; zeros where the type has no landmark.
    """

    names: npt.NDArray[np.bytes_]
    ids: npt.NDArray[np.int64]
    image_ids: npt.NDArray[np.int64]
    splits: npt.NDArray[np.int8]
    clothes_types: npt.NDArray[np.int8]
    variations: npt.NDArray[np.int8]
    bboxes: npt.NDArray[np.float64]
    keypoints: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: npt.ArrayLike) -> FashionRecords:
        """The garments at these positions, or where a mask is true."""
        chosen = {field.name: getattr(self, field.name)[rows] for field in fields(self)}
        return FashionRecords(**chosen)

    def of_split(self, split: str) -> FashionRecords:
        """The garments of one split."""
        return self.take(self.splits == SPLITS.index(split))

    def name(self, row: int) -> str:
        """Image name of one garment."""
        return bytes(self.names[row]).decode('utf-8')

    def without_landmarks_outside_the_box(self) -> FashionRecords:
        """Landmarks that the box's crop does not contain become not visible (v = 0).

        So do the benchmarks' public evaluations (``CheckLandmarks`` in GLE_FLD and in
        Deep-Fashion-Analysis-ECCV2018): inside is x1 <= x < x2, y1 <= y < y2.
        """
        points = self.keypoints[..., :2]
        low, high = self.bboxes[:, None, :2], self.bboxes[:, None, 2:]
        inside = np.all((points >= low) & (points < high), axis=2)
        keypoints = self.keypoints.copy()
        keypoints[..., 2] *= inside
        return replace(self, keypoints=keypoints)


def concatenate(parts: Sequence[FashionRecords]) -> FashionRecords:
    """All garments of several sets, in the order of their ids."""
    joined = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(FashionRecords)
    }
    records = FashionRecords(**joined)
    return records.take(np.argsort(records.ids, kind='stable'))


def fashion_metainfo(benchmark: Benchmark) -> dict[str, Any]:
    """Metainfo of the eight landmarks for mmpose's ``parse_pose_metainfo``."""
    info = {
        number: {
            'name': name,
            'id': number,
            'color': _COLORS[name.split()[0]],
            'type': 'lower' if name.split()[1] in ('waistline', 'hem') else 'upper',
            'swap': LANDMARKS[number ^ 1],
        }
        for number, name in enumerate(LANDMARKS)
    }
    links = {number: {'link': link, 'id': number} for number, link in enumerate(_LINKS)}
    return {
        'dataset_name': benchmark,
        'keypoint_info': info,
        'skeleton_info': links,
        'joint_weights': [1.0] * len(LANDMARKS),
        'sigmas': [_SIGMA] * len(LANDMARKS),
    }
