# SPDX-License-Identifier: Apache-2.0
"""The warp of testing: the whole photo, centred, to a fixed input size."""

from __future__ import annotations

from mmcv.transforms import BaseTransform

from deepmark.datasets.transforms.geometry import (
    Results,
    move_annotations,
    record_warp,
    warp_image,
)
from deepmark.datasets.transforms.warp_matrix import fit_warp, fit_zoom
from deepmark.registry import TRANSFORMS


@TRANSFORMS.register_module()
class AspectPreservingWarp(BaseTransform):
    """Warp the whole image into the input without distorting it; the rest is black.

    CenterNet's test at a fixed resolution (xingyizhou/CenterNet at 4c50fd3, ``base_detector.py``):
    the image's centre (w / 2, h / 2) goes to the input's, scaled by ``min(W / w, H / h)``.

    Keys as for RandomCenterCropScale. The way back is ``inverse_warp_matrix``. The image lies in
    the middle of the input, so ``scale_factor`` alone is not enough to go back: mmdet's own
    detectors, which use nothing else, want mmdet.Resize instead.

    Args:
        input_size: (width, height) of the network input.
    """

    def __init__(self, input_size: tuple[int, int]) -> None:
        self.input_size = (int(input_size[0]), int(input_size[1]))
        if min(self.input_size) < 1:
            raise ValueError(f'input_size {input_size} must be positive')

    def transform(self, results: Results) -> Results:
        """Warp everything."""
        height, width = results['img'].shape[:2]
        matrix = fit_warp((width, height), self.input_size)
        results['img'] = warp_image(results['img'], matrix, self.input_size)
        move_annotations(results, matrix, self.input_size)
        record_warp(results, matrix, self.input_size)
        zoom = fit_zoom((width, height), self.input_size)
        results['scale_factor'] = (zoom, zoom)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(input_size={self.input_size})'
