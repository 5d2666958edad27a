# SPDX-License-Identifier: Apache-2.0
"""The scales of a test batch, apart and joined.

``deepmark.MultiScaleWarp`` packs S images for each photo, which mmengine's ``pseudo_collate`` turns
into S lists of B images; the data samples hold ``scale_inverse_warp_matrices`` (S, 2, 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import Tensor


class View(NamedTuple):
    """One scale of a batch.

    Attributes:
        inputs: B images (3, H, W), of any sizes.
        data_samples: B samples whose ``inverse_warp_matrix`` is that of this scale.
    """

    inputs: Sequence[Tensor]
    data_samples: list[DetDataSample]


def split_views(data: Mapping[str, Any]) -> list[View]:
    """The scales of a collated batch; a batch without several has one.

    Raises:
        ValueError: several scales without their matrices in the metainfo.
    """
    inputs, samples = data['inputs'], list(data['data_samples'])
    if not len(inputs) or isinstance(inputs[0], Tensor):
        return [View(inputs, samples)]
    return [
        View(images, [_sample_of_scale(sample, scale, len(inputs)) for sample in samples])
        for scale, images in enumerate(inputs)
    ]


def _sample_of_scale(sample: DetDataSample, scale: int, scales: int) -> DetDataSample:
    matrices = sample.metainfo.get('scale_inverse_warp_matrices')
    if matrices is None or len(matrices) != scales:
        raise ValueError(
            f'{sample.metainfo.get("img_path")}: the batch has {scales} scales and the metainfo '
            f'{"none" if matrices is None else len(matrices)}: pack them with '
            'deepmark.PackLandmarkInputs after deepmark.MultiScaleWarp'
        )
    if scale == 0:
        return sample
    return DetDataSample(metainfo={**sample.metainfo, 'inverse_warp_matrix': matrices[scale]})


def join_views(decoded: Sequence[Sequence[InstanceData]]) -> list[InstanceData]:
    """Detections of every image, those of all scales one after the other.

    Args:
        decoded: S times B detections of an image, in pixels of the original image.
    """
    if len(decoded) == 1:
        return list(decoded[0])
    return [InstanceData.cat(list(of_image)) for of_image in zip(*decoded, strict=True)]


def same_size_groups(inputs: Sequence[Tensor]) -> list[list[int]]:
    """Rows of equal image size, in the order of their first image."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for row, image in enumerate(inputs):
        groups.setdefault(tuple(image.shape), []).append(row)
    return list(groups.values())
