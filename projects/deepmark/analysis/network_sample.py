# SPDX-License-Identifier: Apache-2.0
"""What a pipeline hands to the network, with its annotations in the pixels of every input.

Training pipelines of this project move the annotations with the image. Testing pipelines load them
after the warp, in pixels of the original photo (as mmdet's do), where metrics want them. Which of
the two a sample holds is seen by comparing its boxes with those of the data set's record.

Frames: *original* photo and network *input*; pixel i's centre lies at coordinate i in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from mmengine.structures import InstanceData

from deepmark.as_array import as_array
from deepmark.datasets.transforms.warp_matrix import (
    Matrix,
    compose,
    identity,
    invert,
    transform_boxes,
    transform_points,
)
from deepmark.visualization.garment_drawing import GarmentSet
from deepmark.visualization.sample_garments import garments_of_instances

Image = npt.NDArray[np.uint8]

_DRAWN = ('bboxes', 'labels', 'keypoints', 'keypoints_visible')
_NARROW = 16.0


@dataclass(frozen=True)
class InputView:
    """One image of the network's input.

    Attributes:
        image: (H, W, 3) uint8 RGB for showing: values outside 0 .. 255 are cut, those of a
            normalised image stretched.
        value_range: the lowest and the highest value before that.
        garments: what the loss or the metric sees, in this image's pixels.
        ignored_xyxy: (n, 4) boxes that are neither.
        warp: original -> input, None where the transforms do not say.
    """

    image: Image
    value_range: tuple[float, float]
    garments: GarmentSet
    ignored_xyxy: npt.NDArray[np.floating]
    warp: Matrix | None


def input_views(
    packed: Mapping[str, Any], instances: Sequence[Mapping[str, Any]]
) -> list[InputView]:
    """Every input image of one packed sample: one, or one a scale.

    Args:
        packed: ``inputs`` and ``data_samples`` as a pipeline packs them.
        instances: the data set's own annotations of the image, original pixels; empty where
            unknown.
    """
    sample = packed['data_samples']
    inputs = packed['inputs'] if isinstance(packed['inputs'], list) else [packed['inputs']]
    truth, ignored = _truth_of(sample), _boxes_of(sample.get('ignored_instances'))
    in_original = _is_original(sample, instances)
    warps = _warps_of(sample, len(inputs), in_original)
    views = []
    for tensor, warp in zip(inputs, warps, strict=True):
        move = warp
        if move is not None and not in_original:
            move = None if warps[0] is None else compose(move, invert(warps[0]))
        image, value_range = _rgb(as_array(tensor))
        garments, boxes = truth, ignored
        if move is not None:
            garments, boxes = moved(truth, move), transform_boxes(move, ignored)
        views.append(InputView(image, value_range, garments, boxes, warp))
    return views


def moved(garments: GarmentSet, matrix: Matrix) -> GarmentSet:
    """The same garments in the frame that the matrix leads to."""
    keypoints = garments.keypoints
    return replace(
        garments,
        boxes_xyxy=transform_boxes(matrix, garments.boxes_xyxy),
        keypoints=None if keypoints is None else transform_points(matrix, keypoints),
    )


def _truth_of(sample: Any) -> GarmentSet:
    truth = sample.get('gt_instances')
    if truth is None or 'bboxes' not in truth or 'labels' not in truth:
        return GarmentSet(np.zeros((0, 4)), np.zeros(0, np.int64))
    return garments_of_instances(
        InstanceData(**{name: _array(truth[name]) for name in _DRAWN if name in truth})
    )


def _boxes_of(instances: Any) -> npt.NDArray[np.floating]:
    if instances is None or 'bboxes' not in instances:
        return np.zeros((0, 4))
    return _array(instances.bboxes).reshape(-1, 4)


def _array(values: Any) -> npt.NDArray[Any]:
    """An array of a tensor, an array or mmdet's boxes."""
    return as_array(getattr(values, 'tensor', values))


def _is_original(sample: Any, instances: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the boxes of the sample are those of the record, number for number."""
    known = [entry['bbox'] for entry in instances if not entry.get('ignore_flag')]
    boxes = _boxes_of(sample.get('gt_instances'))
    expected = np.array(known, np.float64).reshape(-1, 4)
    return boxes.shape == expected.shape and bool(np.allclose(boxes, expected, atol=1e-3))


def _warps_of(sample: Any, count: int, in_original: bool) -> list[Matrix | None]:
    """Original -> input for every scale."""
    several = sample.get('scale_inverse_warp_matrices')
    if several is not None:
        return [invert(np.asarray(matrix)) for matrix in several]
    warp = sample.get('warp_matrix')
    if warp is not None:
        return [np.asarray(warp, dtype=np.float64)]
    zoom = sample.get('scale_factor')
    if in_original and zoom is not None:  # mmdet's Resize says nothing else
        return [identity() * np.array([[zoom[0]], [zoom[1]]])] * count
    return [None] * count


def _rgb(tensor: npt.NDArray[Any]) -> tuple[Image, tuple[float, float]]:
    """(3, H, W) BGR as (H, W, 3) RGB, and the range of its values."""
    low, high = float(tensor.min()), float(tensor.max())
    if tensor.dtype.kind == 'f' and 0 < high - low < _NARROW:  # a normalisation in the pipeline
        tensor = (tensor - low) * (255 / (high - low))
    image = np.clip(np.round(tensor[::-1].transpose(1, 2, 0)), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(image), (low, high)
