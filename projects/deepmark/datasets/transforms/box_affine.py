# SPDX-License-Identifier: Apache-2.0
"""The crop of FLD and DeepFashion-C: the box, both sides scaled for themselves to a square.

After ``BBoxCrop`` and ``Rescale((224, 224))`` of suminlee94/GLE_FLD and
fdjingyuan/Deep-Fashion-Analysis-ECCV2018. mmpose's ``TopdownAffine`` widens the box to the input's
aspect ratio instead, so that garments keep their proportions.

Frames: a box corner (x1, y1) goes to the input's (0, 0), (x2, y2) to (W, H): the map by which
mmpose's TopdownPoseEstimator takes predictions back to the image.
Deviation: the public code resizes the photo by pixel areas, (x + 0.5) W / w - 0.5, and the
landmarks by x W / w, so that they are up to half an input pixel apart; here both go the same way.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform

from deepmark.registry import TRANSFORMS


@TRANSFORMS.register_module()
class BoxAffine(BaseTransform):
    """Cut the box out and scale it to the network input, width and height each for itself.

    Keys as for mmpose's TopdownAffine. Needs: img, bbox_center (1, 2), bbox_scale (1, 2) (from
    ``GetBBoxCenterScale(padding=1.0)`` for the box alone), optionally bbox_rotation (1,) in
    degrees and keypoints (1, K, 2). Adds: transformed_keypoints, input_size (W, H), input_center,
    input_scale; changes img.

    Args:
        input_size: (width, height) of the network input.

    Raises:
        ValueError: sizes that are not positive, more than one box, or a box without a size, with
            the image's name.
    """

    def __init__(self, input_size: tuple[int, int]) -> None:
        self.input_size = (int(input_size[0]), int(input_size[1]))
        if min(self.input_size) <= 0:
            raise ValueError(f'input_size is {input_size}: expected positive width and height')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Warp image and keypoints."""
        center, scale = np.asarray(results['bbox_center']), np.asarray(results['bbox_scale'])
        if center.shape != (1, 2) or scale.shape != (1, 2) or not (scale > 0).all():
            raise ValueError(
                f'{results.get("img_path", "image")}: bbox_center {center.tolist()} and '
                f'bbox_scale {scale.tolist()} must be one box with a size'
            )
        rotation = float(np.ravel(results.get('bbox_rotation', 0.0))[0])
        matrix = box_matrix(center[0], scale[0], rotation, self.input_size)
        results['img'] = cv2.warpAffine(
            results['img'], matrix, self.input_size, flags=cv2.INTER_LINEAR
        )
        if results.get('keypoints') is not None:
            moved = results['keypoints'].copy()
            moved[..., :2] = moved[..., :2].astype(np.float64) @ matrix[:, :2].T + matrix[:, 2]
            results['transformed_keypoints'] = moved
        results['input_size'] = self.input_size
        results['input_center'] = center[0]
        results['input_scale'] = scale[0]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(input_size={self.input_size})'


def box_matrix(
    center: npt.ArrayLike, size_wh: npt.ArrayLike, degrees: float, input_size: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """(2, 3) map of image pixels to input pixels.

    Args:
        center: x, y of the box.
        size_wh: of the box.
        degrees: by which the box is turned in the image, clockwise as one sees it.
        input_size: (width, height).

    Example:
        >>> matrix = box_matrix((60, 40), (100, 50), 0, (200, 200))
        >>> (matrix @ (10, 15, 1)).tolist(), (matrix @ (60, 40, 1)).tolist()
        ([0.0, 0.0], [100.0, 100.0])
    """
    angle = np.deg2rad(degrees)
    turn_back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    target = np.asarray(input_size, np.float64)
    linear = (target / np.asarray(size_wh, np.float64))[:, None] * turn_back
    shift = 0.5 * target - linear @ np.asarray(center, np.float64)
    return np.concatenate([linear, shift[:, None]], axis=1)
