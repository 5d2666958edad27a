# SPDX-License-Identifier: Apache-2.0
"""The warp of testing at the photo's own resolution."""

from __future__ import annotations

from mmcv.transforms import BaseTransform

from deepmark.datasets.transforms.geometry import (
    Results,
    move_annotations,
    record_warp,
    warp_image,
)
from deepmark.datasets.transforms.warp_matrix import keep_resolution_warp
from deepmark.registry import TRANSFORMS


@TRANSFORMS.register_module()
class KeepResolution(BaseTransform):
    """Pad the image with black to a size that the backbone can halve, without resizing it.

    CenterNet's ``keep_res`` (xingyizhou/CenterNet at 4c50fd3, ``base_detector.py``): each side
    becomes the *next* multiple of ``divisor``, 544 for 512 with DLA's 32 and 640 with the
    Hourglass' 128. The image lies in the middle, on whole pixels.

    Keys as for AspectPreservingWarp. Inputs differ in size from photo to photo.

    Deviation: at another ``scale`` the original first resizes to (int(w * scale), int(h * scale))
    with ``cv2.resize``, whose content lies (scale - 1) / 2 pixels from where its way back assumes
    it. Here the photo is warped once, exactly by ``warp_matrix``, which is the one the original
    assumes; where w * scale is no whole number, up to two pixels at the right or lower edge may
    fall outside.

    Args:
        divisor: 32 for DLA, 128 for Hourglass.
        scale: zoom of the image.
        always_pad: as the original; False leaves sides that are multiples already.
    """

    def __init__(self, divisor: int, scale: float = 1.0, always_pad: bool = True) -> None:
        if min(divisor, scale) <= 0:
            raise ValueError(f'divisor {divisor} and scale {scale} must be positive')
        self.divisor = divisor
        self.scale = scale
        self.always_pad = always_pad

    def transform(self, results: Results) -> Results:
        """Pad the image and shift everything else."""
        height, width = results['img'].shape[:2]
        matrix, input_wh = keep_resolution_warp(
            (width, height), self.divisor, self.scale, self.always_pad
        )
        results['img'] = warp_image(results['img'], matrix, input_wh)
        move_annotations(results, matrix, input_wh)
        record_warp(results, matrix, input_wh)
        results['scale_factor'] = (self.scale, self.scale)
        return results

    def __repr__(self) -> str:
        arguments = f'divisor={self.divisor}, scale={self.scale}, always_pad={self.always_pad}'
        return f'{type(self).__name__}({arguments})'
