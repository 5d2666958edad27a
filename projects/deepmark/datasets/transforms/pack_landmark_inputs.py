# SPDX-License-Identifier: Apache-2.0
"""Packing for detectors with landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmdet.datasets.transforms import PackDetInputs

from deepmark.datasets.transforms.geometry import Results
from deepmark.datasets.transforms.warp_matrix import identity, invert
from deepmark.registry import TRANSFORMS

META_KEYS = (
    'img_id',
    'img_path',
    'ori_shape',
    'img_shape',
    'pad_shape',
    'scale_factor',
    'flip',
    'flip_direction',
    'warp_matrix',
    'inverse_warp_matrix',
    'scale_inverse_warp_matrices',
    'scale_img_shapes',
    'instances',
)


@TRANSFORMS.register_module()
class PackLandmarkInputs(PackDetInputs):
    """mmdet's PackDetInputs with landmarks and the way back to the original image.

    ``gt_instances`` gets ``keypoints`` (N, K_max, 2) float32 and ``keypoints_visible`` (N, K_max)
    uint8 where they were loaded. The metainfo gets ``warp_matrix`` and ``inverse_warp_matrix``
    (2, 3) float64 between the original image and the network input, also when no transform of ours
    moved the image; and in testing (``test_mode`` of the data set) ``instances``, the truth in
    pixels of the original image, for metrics.

    ``inputs`` is a tensor (3, H, W); after MultiScaleWarp a list of such tensors, one a scale and
    each of its own size. A batch of these is a list of scales, each a list of the images' tensors.

    Args:
        meta_keys: what goes into the metainfo.

    Raises:
        ValueError: another library's transform moved the image but not the landmarks, or a
            transform changed the first scale's image but not the others.
    """

    mapping_table = {
        **PackDetInputs.mapping_table,
        'gt_keypoints': 'keypoints',
        'gt_keypoints_visible': 'keypoints_visible',
    }

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        super().__init__(meta_keys=tuple(meta_keys))

    def transform(self, results: Results) -> dict[str, Any]:
        """Pack ``inputs`` and ``data_samples``."""
        packed_from = {**results, **_warp_of(results)}
        if not results.get('test_mode', False):
            packed_from.pop('instances', None)
        packed: dict[str, Any] = super().transform(packed_from)
        if 'scaled_imgs' in results:
            _check_scales(results)
            others = [
                super(PackLandmarkInputs, self).transform({'img': image})['inputs']
                for image in results['scaled_imgs'][1:]
            ]
            packed['inputs'] = [packed['inputs'], *others]
        return packed


def _warp_of(results: Results) -> dict[str, Any]:
    """The matrices; those of mmdet's transforms when only they moved the image."""
    warp, homography = results.get('warp_matrix'), results.get('homography_matrix')
    alone = homography is None or _agree(identity() if warp is None else warp, homography)
    if not alone and 'gt_keypoints' in results:
        raise ValueError(
            f'{results.get("img_path")}: gt_keypoints no longer fits the image: a transform of '
            'another library moved the image and the boxes only. Fix: use RandomCenterCropScale, '
            'AspectPreservingWarp and RandomFlipLandmarks of deepmark, or do not load landmarks'
        )
    if warp is not None and alone:
        return {}
    warp = identity() if homography is None else np.asarray(homography, dtype=np.float64)[:2]
    return {'warp_matrix': warp, 'inverse_warp_matrix': invert(warp)}


def _check_scales(results: Results) -> None:
    if results['img'] is not results['scaled_imgs'][0]:
        raise ValueError(
            f'{results.get("img_path")}: a transform after MultiScaleWarp changed the image of the '
            'first scale only. Fix: put MultiScaleWarp behind all that change the image'
        )


def _agree(warp: Any, homography: Any) -> bool:
    """Whether mmdet's record of the motion says the same (to its float32)."""
    other = homography[:2]
    return bool((np.abs(warp - other) <= 1e-2 + 1e-3 * np.abs(other)).all())
