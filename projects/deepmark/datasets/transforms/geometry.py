# SPDX-License-Identifier: Apache-2.0
"""Moving everything that a pipeline carries by one affine matrix.

Keys that are absent are left alone, so the same functions serve pipelines with and without
annotations, landmarks or masks.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from mmdet.structures.bbox import BaseBoxes, HorizontalBoxes
from mmdet.structures.mask import BitmapMasks, PolygonMasks

from deepmark.datasets.transforms.warp_matrix import (
    Matrix,
    compose,
    identity,
    invert,
    mirror,
    transform_boxes,
    transform_points,
)

Results = dict[str, Any]


def warp_image(
    image: npt.NDArray[Any], matrix: Matrix, input_wh: tuple[int, int], border: int = 0
) -> npt.NDArray[Any]:
    """Bilinear warp of (H, W, 3) to (input height, input width, 3); outside lies ``border``.

    A mirrored view (as RandomFlipLandmarks leaves it) is not copied first: the photo below it is
    warped, by a matrix that mirrors too. And only that part of the input is worked on where the
    photo lies; a random window looks past it for a third of its pixels. In both cases
    ``cv2.warpAffine``, which counts in 1 / 32 pixels, may round some of them the other way.
    """
    if image.strides[1] < 0:
        image, matrix = image[:, ::-1], compose(matrix, mirror(image.shape[1]))
    left, top, right, bottom = _covered_part(matrix, image.shape, input_wh)
    warped = np.full((input_wh[1], input_wh[0], *image.shape[2:]), border, dtype=image.dtype)
    if right > left and bottom > top:
        cv2.warpAffine(
            image,
            matrix - [[0, 0, left], [0, 0, top]],
            (right - left, bottom - top),
            dst=warped[top:bottom, left:right],
            flags=cv2.INTER_LINEAR,
            borderValue=(border, border, border),
        )
    return warped


def move_annotations(results: Results, matrix: Matrix, input_wh: tuple[int, int]) -> None:
    """Move boxes, landmarks and masks; what leaves the input is cut, masked or dropped.

    * boxes are clipped to the pixel centres 0 .. W - 1, 0 .. H - 1, and a garment whose clipped box
      has no width or no height is dropped with all that belongs to it;
    * landmarks outside that range get visibility 0; those with visibility 0 lie at (0, 0);
    * polygons move, but are not cut: ``to_bitmap`` does that.
    """
    if results.get('gt_keypoints') is not None:
        _move_keypoints(results, matrix, input_wh)
    if results.get('gt_masks') is not None:
        results['gt_masks'] = move_masks(results['gt_masks'], matrix, input_wh)
    if results.get('gt_bboxes') is not None:
        boxes = clip_boxes(transform_boxes(matrix, box_array(results['gt_bboxes'])), input_wh)
        set_boxes(results, boxes)
        keep = np.logical_and(*(boxes[:, 2:] > boxes[:, :2]).T)
        keep_objects(results, keep)


def record_warp(results: Results, matrix: Matrix, input_wh: tuple[int, int]) -> None:
    """Note that the image was moved by ``matrix`` and now has the size ``input_wh``.

    ``warp_matrix`` and ``inverse_warp_matrix`` (2, 3) float64 join the original image and the
    present one. ``homography_matrix`` (3, 3) float32 is mmdet's name for the same.
    """
    width, height = input_wh
    warp = compose(matrix, results.get('warp_matrix', identity()))
    results['warp_matrix'] = warp
    results['inverse_warp_matrix'] = invert(warp)
    homography = np.vstack([matrix, [0, 0, 1]]).astype(np.float32)
    previous = results.get('homography_matrix')
    results['homography_matrix'] = homography if previous is None else homography @ previous
    results['img_shape'] = results['pad_shape'] = (height, width)


def clip_boxes(boxes_xyxy: npt.NDArray[Any], wh: tuple[int, int]) -> npt.NDArray[Any]:
    """Boxes (N, 4) clipped to the pixel centres 0 .. W - 1, 0 .. H - 1."""
    limits = np.array([wh[0] - 1, wh[1] - 1, wh[0] - 1, wh[1] - 1])
    clipped: npt.NDArray[Any] = np.clip(boxes_xyxy, 0, limits)
    return clipped


def box_array(boxes: Any) -> npt.NDArray[np.float32]:
    """(N, 4) float32 x1 y1 x2 y2 of mmdet's boxes or of an array."""
    if isinstance(boxes, BaseBoxes):
        array: npt.NDArray[np.float32] = boxes.convert_to('hbox').tensor.numpy()
        return array
    return np.asarray(boxes, dtype=np.float32).reshape(-1, 4)


def set_boxes(results: Results, boxes_xyxy: npt.NDArray[Any]) -> None:
    """Store boxes in the type that the pipeline uses."""
    boxes = boxes_xyxy.astype(np.float32)
    wrapped = isinstance(results['gt_bboxes'], BaseBoxes)
    results['gt_bboxes'] = HorizontalBoxes(torch.from_numpy(boxes)) if wrapped else boxes


def keep_objects(results: Results, keep: npt.NDArray[np.bool_]) -> None:
    """Drop objects from every key that has one row for each."""
    if keep.all():
        return
    for key in (
        'gt_bboxes',
        'gt_bboxes_labels',
        'gt_ignore_flags',
        'gt_keypoints',
        'gt_keypoints_visible',
        'gt_masks',
    ):
        if results.get(key) is not None:
            index: Any = torch.from_numpy(keep) if isinstance(results[key], BaseBoxes) else keep
            if key == 'gt_masks':
                index = np.flatnonzero(keep)
            results[key] = results[key][index]


def move_masks(masks: Any, matrix: Matrix, input_wh: tuple[int, int]) -> Any:
    """Mmdet's polygon or bitmap masks, moved; polygons are not cut at the border."""
    width, height = input_wh
    if isinstance(masks, PolygonMasks):
        moved = [
            [transform_points(matrix, polygon.reshape(-1, 2)).ravel() for polygon in polygons]
            for polygons in masks.masks
        ]
        return PolygonMasks(moved, height, width)
    bitmaps = [
        cv2.warpAffine(mask, matrix, input_wh, flags=cv2.INTER_NEAREST) for mask in masks.masks
    ]
    return BitmapMasks(bitmaps, height, width)


def _covered_part(
    matrix: Matrix, image_shape: tuple[int, ...], input_wh: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Left, top, right and bottom (excluded) of the input's pixels that see any of the photo.

    The photo fades out within one pixel beyond its outermost centres.
    """
    height, width = image_shape[:2]
    faded = np.array([[-1, -1, width, height]], dtype=np.float64)
    x1, y1, x2, y2 = transform_boxes(matrix, faded)[0].tolist()
    left, top = max(0, math.floor(x1)), max(0, math.floor(y1))
    return left, top, min(input_wh[0], math.ceil(x2) + 1), min(input_wh[1], math.ceil(y2) + 1)


def _move_keypoints(results: Results, matrix: Matrix, input_wh: tuple[int, int]) -> None:
    points = transform_points(matrix, results['gt_keypoints'])
    width, height = input_wh
    x, y = points[..., 0], points[..., 1]
    inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    visible = np.where(inside, results['gt_keypoints_visible'], 0).astype(np.uint8)
    points[visible == 0] = 0
    results['gt_keypoints'] = points.astype(np.float32)
    results['gt_keypoints_visible'] = visible
