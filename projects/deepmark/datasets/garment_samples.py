# SPDX-License-Identifier: Apache-2.0
"""One sample a garment, as mmpose's top-down pipelines read it, made from packed arrays on demand.

Landmarks stand in slots (S in all, 294 for DeepFashion2), those of other categories than the
garment's own have the weight 0. The dense arrays live only as long as a sample: 312,186 garments
would need 1.1 GB of them.

Legend: N samples, S slots. Coordinates are original image pixels.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from deepmark.datasets.records import IntArray, PackedRecords
from deepmark.schema import LandmarkSchema

NO_GARMENT = -1


@dataclass(frozen=True)
class GivenBoxes:
    """Boxes that landmarks are to be found in, true or detected.

    Args:
        ids: (N,) int64, a number that no other sample has.
        images: (N,) int64, index of the image.
        labels: (N,) int64, 0 .. C - 1.
        bboxes: (N, 4) float32 x1 y1 x2 y2.
        scores: (N,) float32.
        garments: (N,) int64, index of the true garment; -1 for a detection.
    """

    ids: IntArray
    images: IntArray
    labels: IntArray
    bboxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    garments: IntArray

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, positions: npt.ArrayLike) -> GivenBoxes:
        """The boxes at these positions."""
        chosen = np.asarray(positions)
        return GivenBoxes(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})


def true_boxes(packed: PackedRecords) -> GivenBoxes:
    """All garments with their own boxes."""
    garments = np.arange(packed.num_items)
    return GivenBoxes(
        ids=garments,
        images=packed.item_images,
        labels=packed.labels.astype(np.int64),
        bboxes=packed.bboxes,
        scores=np.ones(packed.num_items, np.float32),
        garments=garments,
    )


def landmark_counts(packed: PackedRecords, lowest_visibility: int = 1) -> IntArray:
    """(G,) landmarks of each garment that are at least as visible: 1 occluded, 2 visible."""
    visible = np.cumsum(packed.keypoints[:, 2] >= lowest_visibility)
    return np.diff(np.concatenate([[0], visible])[packed.keypoint_offsets])


class GarmentSamples(Sequence[dict[str, Any]]):
    """Boxes of a data set, each turned into mmpose's ``data_info`` when asked for.

    Args:
        boxes: what to show.
        packed: the data set's images and garments.
        schema: of the data set.
        image_prefix: folder in front of the file names.
        lowest_visibility: landmarks below it have the weight 0: 1 leaves out those that are not
            labelled, 2 also those that are occluded.
    """

    def __init__(
        self,
        boxes: GivenBoxes,
        packed: PackedRecords,
        schema: LandmarkSchema,
        image_prefix: str = '',
        lowest_visibility: int = 1,
    ) -> None:
        self.boxes = boxes
        self.packed = packed
        self.schema = schema
        self.image_prefix = image_prefix
        self.lowest_visibility = lowest_visibility

    def __len__(self) -> int:
        return len(self.boxes)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> GarmentSamples: ...

    def __getitem__(self, index: int | slice) -> dict[str, Any] | GarmentSamples:
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        boxes, packed = self.boxes, self.packed
        image, label = int(boxes.images[index]), int(boxes.labels[index])
        width, height = packed.image_wh[image].tolist()
        sample = {
            'id': int(boxes.ids[index]),
            'img_id': int(packed.image_ids[image]),
            'img_path': os.path.join(self.image_prefix, packed.file_name(image)),
            'width': width,
            'height': height,
            'label': label,
            'category_id': self.schema.categories[label].category_id,
            'bbox': boxes.bboxes[index][None].copy(),
            'bbox_score': boxes.scores[index : index + 1].copy(),
            'keypoints': np.zeros((1, self.schema.num_slots, 2), np.float32),
            'keypoints_visible': np.zeros((1, self.schema.num_slots), np.float32),
        }
        garment = int(boxes.garments[index])
        if garment != NO_GARMENT:
            self._add_truth(sample, garment)
        return sample

    def __deepcopy__(self, memo: dict[int, Any]) -> GarmentSamples:
        return self.take(np.arange(len(self)))

    def take(self, positions: npt.ArrayLike) -> GarmentSamples:
        """The samples at these positions (negative ones count from the end)."""
        boxes = self.boxes.take(np.asarray(positions, dtype=np.int64))
        return GarmentSamples(
            boxes, self.packed, self.schema, self.image_prefix, self.lowest_visibility
        )

    def _add_truth(self, sample: dict[str, Any], garment: int) -> None:
        packed, label = self.packed, sample['label']
        start, end = packed.keypoint_offsets[garment : garment + 2].tolist()
        own = packed.keypoints[start:end].copy()
        first, last = self.schema.slot_offsets[label : label + 2].tolist()
        sample['keypoints'][0, first:last] = own[:, :2]
        sample['keypoints_visible'][0, first:last] = own[:, 2] >= self.lowest_visibility
        x1, y1, x2, y2 = packed.bboxes[garment].tolist()
        truth = {
            'area': float(packed.areas[garment]),
            'iscrowd': int(packed.ignore_flags[garment]),
            'num_keypoints': int((own[:, 2] > 0).sum()),
        }
        annotation = {
            'id': int(packed.annotation_ids[garment]),
            'image_id': sample['img_id'],
            'category_id': sample['category_id'],
            'bbox': [x1, y1, x2 - x1, y2 - y1],
            'keypoints': own,
        }
        sample.update(truth, raw_ann_info={**annotation, **truth})
