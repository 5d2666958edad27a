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
from deepmark.datasets.transforms.warp_matrix import fit_warp, fit_zoom, scaled_canvas
from deepmark.registry import TRANSFORMS


@TRANSFORMS.register_module()
class AspectPreservingWarp(BaseTransform):
    """Warp the whole image into the input without distorting it; the rest is black.

    CenterNet's test at a fixed resolution (xingyizhou/CenterNet at 4c50fd3, ``base_detector.py``):
    the image's centre (w / 2, h / 2) goes to the input's, scaled by ``min(W / w, H / h)``.

    Keys as for RandomCenterCropScale. The way back is ``inverse_warp_matrix``. The image lies in
    the middle of the input, so ``scale_factor`` alone is not enough to go back: mmdet's own
    detectors, which use nothing else, want mmdet.Resize instead.

    A ``scale`` is a test at another size (:class:`MultiScaleWarp` asks for several): the image gets
    that much larger in the same input, as in CenterNet, so scales above 1 cut its edges off; or
    the input changes its size with it, which costs less time at scales below 1. CenterNet resizes
    the photo before it warps it; here it is warped once, see the deviation in KeepResolution.

    Args:
        input_size: (width, height) of the network input at scale 1.
        scale: image size relative to the one that just fits ``input_size``.
        canvas_divisor: None keeps the input at ``input_size``; a number scales the input too, and
            rounds its sides up to multiples of it (32 for DLA, 128 for Hourglass).
    """

    def __init__(
        self, input_size: tuple[int, int], scale: float = 1.0, canvas_divisor: int | None = None
    ) -> None:
        self.input_size = (int(input_size[0]), int(input_size[1]))
        self.scale = scale
        self.canvas_divisor = canvas_divisor
        if min(*self.input_size, scale, 1 if canvas_divisor is None else canvas_divisor) <= 0:
            raise ValueError(
                f'input_size {input_size}, scale {scale} and canvas_divisor {canvas_divisor} '
                'must be positive'
            )
        self.canvas_wh = self.input_size
        if canvas_divisor is not None:
            self.canvas_wh = scaled_canvas(self.input_size, scale, canvas_divisor)

    def transform(self, results: Results) -> Results:
        """Warp everything."""
        height, width = results['img'].shape[:2]
        matrix = fit_warp((width, height), self.input_size, self.scale, self.canvas_wh)
        results['img'] = warp_image(results['img'], matrix, self.canvas_wh)
        move_annotations(results, matrix, self.canvas_wh)
        record_warp(results, matrix, self.canvas_wh)
        zoom = self.scale * fit_zoom((width, height), self.input_size)
        results['scale_factor'] = (zoom, zoom)
        return results

    def __repr__(self) -> str:
        arguments = (
            f'input_size={self.input_size}, scale={self.scale}, '
            f'canvas_divisor={self.canvas_divisor}'
        )
        return f'{type(self).__name__}({arguments})'
