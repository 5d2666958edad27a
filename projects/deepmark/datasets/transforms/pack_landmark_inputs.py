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
        _check_landmarks_moved(results)
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
    warp = results.get('warp_matrix')
    homography = results.get('homography_matrix')
    if warp is None or not _agree(warp, homography):
        moved = homography is not None
        warp = np.asarray(homography, dtype=np.float64)[:2] if moved else identity()
        return {'warp_matrix': warp, 'inverse_warp_matrix': invert(warp)}
    return {}


def _check_landmarks_moved(results: Results) -> None:
    if 'gt_keypoints' not in results:
        return
    warp = results.get('warp_matrix', identity())
    if not _agree(warp, results.get('homography_matrix')):
        raise ValueError(
            f'{results.get("img_path")}: gt_keypoints no longer fits the image: a transform of '
            'another library moved the image and the boxes only. Fix: use RandomCenterCropScale, '
            'AspectPreservingWarp and RandomFlipLandmarks of deepmark, or do not load landmarks'
        )


def _check_scales(results: Results) -> None:
    if results['img'] is not results['scaled_imgs'][0]:
        raise ValueError(
            f'{results.get("img_path")}: a transform after MultiScaleWarp changed the image of the '
            'first scale only. Fix: put MultiScaleWarp behind all that change the image'
        )


def _agree(warp: Any, homography: Any) -> bool:
    """Whether mmdet's record of the motion says the same (to its float32)."""
    if homography is None:
        return True
    return bool(np.allclose(warp, homography[:2], rtol=1e-3, atol=1e-2))
