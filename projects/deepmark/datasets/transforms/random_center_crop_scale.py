# SPDX-License-Identifier: Apache-2.0
"""CenterNet's random crop and scale, one affine warp from the photo to the network input.

Numbers after xingyizhou/CenterNet at 4c50fd3 (``sample/ctdet.py``, ``sample/multi_pose.py``).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from deepmark.datasets.transforms.geometry import (
    Results,
    move_annotations,
    record_warp,
    warp_image,
)
from deepmark.datasets.transforms.warp_matrix import center_warp, fit_zoom
from deepmark.registry import TRANSFORMS

CENTERNET_SCALES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)


@TRANSFORMS.register_module()
class RandomCenterCropScale(BaseTransform):
    """Warp a random window of the image to the network input.

    A window of scale 1 just holds the whole image; its sides are multiplied by a random scale and
    its centre is a random pixel at least ``border`` from the edges (a border that is too wide for
    a small image is halved until it fits). What lies outside the image is black. For a square input
    the window is CenterNet's square of side max(w, h) x scale; for another aspect ratio it has that
    of the input.

    Modified keys: ``img``, ``img_shape``, and, where present, ``gt_bboxes``, ``gt_keypoints``,
    ``gt_keypoints_visible``, ``gt_masks``, labels and flags (see ``geometry.move_annotations``).
    Added keys: ``warp_matrix``, ``inverse_warp_matrix``, ``homography_matrix``, ``pad_shape``,
    ``scale_factor``.

    Args:
        input_size: (width, height) of the network input.
        scales: drawn from with equal chances.
        border: least distance of the window's centre from the image's edges, in image pixels.
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        scales: Sequence[float] = CENTERNET_SCALES,
        border: int = 128,
    ) -> None:
        self.input_size = (int(input_size[0]), int(input_size[1]))
        self.scales = tuple(scales)
        self.border = border
        if min(self.input_size) < 1 or not self.scales or min(self.scales) <= 0:
            raise ValueError(f'input_size {input_size} and scales {scales} must be positive')

    def transform(self, results: Results) -> Results:
        """Draw a window and warp everything."""
        height, width = results['img'].shape[:2]
        center, scale = self._draw_window(width, height)
        zoom = fit_zoom((width, height), self.input_size) / scale
        matrix = center_warp(center, zoom, self.input_size)
        results['img'] = warp_image(results['img'], matrix, self.input_size)
        move_annotations(results, matrix, self.input_size)
        record_warp(results, matrix, self.input_size)
        results['scale_factor'] = (zoom, zoom)
        return results

    @cache_randomness
    def _draw_window(self, width: int, height: int) -> tuple[tuple[int, int], float]:
        border_x, border_y = fit_border(self.border, width), fit_border(self.border, height)
        x = random.randrange(border_x, width - border_x)
        y = random.randrange(border_y, height - border_y)
        return (x, y), random.choice(self.scales)

    def __repr__(self) -> str:
        arguments = f'input_size={self.input_size}, scales={self.scales}, border={self.border}'
        return f'{type(self).__name__}({arguments})'


def fit_border(border: int, length: int) -> int:
    """The border, halved until pixels remain between it and its opposite.

    Example:
        >>> fit_border(128, 750), fit_border(128, 256), fit_border(128, 100)
        (128, 64, 32)
    """
    divisor = 1
    while length - border // divisor <= border // divisor:
        divisor *= 2
    return border // divisor
