# SPDX-License-Identifier: Apache-2.0
"""Pipeline transforms, one a file. They work in any mmdet pipeline."""

from deepmark.datasets.transforms.aspect_preserving_warp import AspectPreservingWarp
from deepmark.datasets.transforms.box_affine import BoxAffine
from deepmark.datasets.transforms.keep_resolution import KeepResolution
from deepmark.datasets.transforms.load_image import ImageReadError, LoadImage
from deepmark.datasets.transforms.load_landmarks import LoadLandmarks
from deepmark.datasets.transforms.multi_scale_warp import MultiScaleWarp
from deepmark.datasets.transforms.pack_landmark_inputs import PackLandmarkInputs
from deepmark.datasets.transforms.photometric_jitter import PhotometricJitter
from deepmark.datasets.transforms.random_center_crop_scale import RandomCenterCropScale
from deepmark.datasets.transforms.random_flip_landmarks import RandomFlipLandmarks
from deepmark.datasets.transforms.take_own_landmarks import TakeOwnLandmarks

__all__ = [
    'AspectPreservingWarp',
    'BoxAffine',
    'ImageReadError',
    'KeepResolution',
    'LoadImage',
    'LoadLandmarks',
    'MultiScaleWarp',
    'PackLandmarkInputs',
    'PhotometricJitter',
    'RandomCenterCropScale',
    'RandomFlipLandmarks',
    'TakeOwnLandmarks',
]
