# SPDX-License-Identifier: Apache-2.0
"""Records of FLD and DeepFashion-C as mmpose's data infos, made when asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from deepmark.datasets.fashion_coco import annotation_of
from deepmark.datasets.fashion_records import FashionRecords


class FashionRecordView(Sequence[dict[str, Any]]):
    """A selection of garments, each turned into the dict of mmpose's ``BaseCocoStyleDataset``.

    The arrays take 0.3 kB a garment, are never written to and are shared by forked workers.

    Args:
        records: the arrays; shared between views, also by ``copy.deepcopy``.
        image_folder: in front of the names.
        train_occluded: weight 1 for occluded landmarks too.
        rows: (n,) garments to show; all by default.
    """

    def __init__(
        self,
        records: FashionRecords,
        image_folder: str = '',
        train_occluded: bool = True,
        rows: npt.ArrayLike | None = None,
    ) -> None:
        self.records = records
        self.image_folder = image_folder
        self.train_occluded = train_occluded
        every = np.arange(len(records))
        self.rows: npt.NDArray[np.int64] = every if rows is None else np.asarray(rows, np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> FashionRecordView: ...

    def __getitem__(self, index: int | slice) -> dict[str, Any] | FashionRecordView:
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        return self._info(int(self.rows[index]))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self._info(row) for row in self.rows.tolist())

    def __deepcopy__(self, memo: dict[int, Any]) -> FashionRecordView:
        return self.take(np.arange(len(self)))

    def take(self, positions: npt.ArrayLike) -> FashionRecordView:
        """A view of the garments at these positions (negative ones count from the end)."""
        chosen = self.rows[np.asarray(positions, dtype=np.int64)]
        return FashionRecordView(self.records, self.image_folder, self.train_occluded, chosen)

    def _info(self, row: int) -> dict[str, Any]:
        annotation = annotation_of(self.records, row)
        keypoints = self.records.keypoints[row].astype(np.float32)[None]
        lowest = 1 if self.train_occluded else 2
        return {
            'img_id': annotation['image_id'],
            'img_path': os.path.join(self.image_folder, self.records.name(row)),
            'bbox': self.records.bboxes[row].astype(np.float32)[None],
            'bbox_score': np.ones(1, dtype=np.float32),
            'num_keypoints': annotation['num_keypoints'],
            'keypoints': keypoints[..., :2].copy(),
            'keypoints_visible': (keypoints[..., 2] >= lowest).astype(np.float32),
            'area': np.array(annotation['area'], dtype=np.float32),
            'iscrowd': 0,
            'segmentation': None,
            'id': annotation['id'],
            'category_id': np.array(annotation['category_id']),
            'raw_ann_info': annotation,
        }
