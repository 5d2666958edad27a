# SPDX-License-Identifier: Apache-2.0
"""Several sizes of one photo, for tests that join the detections of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from deepmark.datasets.transforms.geometry import Results
from deepmark.registry import TRANSFORMS


@TRANSFORMS.register_module()
class MultiScaleWarp(BaseTransform):
    """Warp the photo once for every scale, each time from the original.

    The first scale's image stands under ``img``, with all keys that ``warp`` gives it; annotations
    that were loaded before move with it.

    Added keys:
        * ``scaled_imgs``: list of S images (H_s, W_s, 3), the first one included;
        * ``scale_inverse_warp_matrices``: (S, 2, 3) float64, input of that scale -> original;
        * ``scale_img_shapes``: list of S (H_s, W_s).

    Args:
        warp: AspectPreservingWarp or KeepResolution as a config, without its ``scale``.
        scales: the paper's are 1 and 0.75 (DeepMark, arXiv 1910.01225).

    Example::

        dict(
            type='deepmark.MultiScaleWarp',
            warp=dict(type='deepmark.AspectPreservingWarp', input_size=(512, 512)),
            scales=(1.0, 0.75),
        )
    """

    def __init__(self, warp: Mapping[str, Any], scales: Sequence[float] = (1.0, 0.75)) -> None:
        self.scales = tuple(scales)
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f'scales {scales} must be one or more positive numbers')
        if 'scale' in warp:
            raise ValueError(f'warp has a scale of its own, {warp["scale"]}: give it in scales')
        self.warps = [TRANSFORMS.build({**warp, 'scale': scale}) for scale in self.scales]

    def transform(self, results: Results) -> Results:
        """Warp the photo for every scale, and what belongs to it for the first."""
        image_only = {key: results[key] for key in results if not key.startswith('gt_')}
        first: Results = self.warps[0].transform(results)
        others = [warp.transform(dict(image_only)) for warp in self.warps[1:]]
        by_scale = [first, *others]
        first['scaled_imgs'] = [scaled['img'] for scaled in by_scale]
        first['scale_inverse_warp_matrices'] = np.stack(
            [scaled['inverse_warp_matrix'] for scaled in by_scale]
        )
        first['scale_img_shapes'] = [scaled['img_shape'] for scaled in by_scale]
        return first

    def __repr__(self) -> str:
        return f'{type(self).__name__}(warps={self.warps})'
