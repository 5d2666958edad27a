# SPDX-License-Identifier: Apache-2.0
"""CenterNet's colour jitter and PCA lighting as one linear map of the colours.

Source: xingyizhou/CenterNet at 4c50fd3 (``utils/image.py``); the lighting is that of AlexNet with
the ImageNet eigenvalues.

Brightness multiplies a pixel p (blue, green, red) by a, contrast mixes it with the mean grey m of
the image, saturation with its own grey g(p), all with a in 1 ± 0.4, in random order; lighting adds
a colour. g and m are those of the image before the jitter. So whatever the order, the result is
``A p + B g(p) + C m + lighting``: a 3x3 matrix and an offset, applied in a single pass.
"""

from __future__ import annotations

import random
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from deepmark.datasets.transforms.geometry import Results
from deepmark.registry import TRANSFORMS

BRIGHTNESS, CONTRAST, SATURATION = 'brightness', 'contrast', 'saturation'
STEPS = (BRIGHTNESS, CONTRAST, SATURATION)
STRIP_ROWS = 64  # 0.4 MB at 512 pixels: fits a core's cache

# Grey of a BGR pixel (ITU-R BT.601, as cv2.cvtColor has it).
GREY_WEIGHTS = np.array([0.114, 0.587, 0.299])
# Colour statistics of ImageNet for values 0..1, rows in the order of the channels.
EIGENVALUES = np.array([0.2141788, 0.01817699, 0.00341571])
EIGENVECTORS = np.array(
    [
        [-0.58752847, -0.69563484, 0.41340352],
        [-0.5832747, 0.00994535, -0.81221408],
        [-0.56089297, 0.71832671, 0.41158938],
    ]
)


class ColorDraw(NamedTuple):
    """One draw: the steps in their order, a factor for each, and three lighting weights."""

    steps: tuple[str, ...]
    factors: tuple[float, ...]
    lighting: tuple[float, ...]


@TRANSFORMS.register_module()
class PhotometricJitter(BaseTransform):
    """Random brightness, contrast, saturation and lighting; only ``img`` changes.

    float32 images leave with one plane a channel in memory (shape (H, W, 3) as ever), which is what
    packing would otherwise copy them to.

    Args:
        strength: factors are drawn from 1 - strength .. 1 + strength.
        lighting_std: standard deviation of the weights of the three colour axes.
        keep_uint8: False gives float32 that may leave 0..255, as the original does; mmdet's data
            preprocessor takes it. True rounds and clips to 0..255, a quarter of the bytes.
            Deviation: the original (xingyizhou/CenterNet at 4c50fd3) never clips, so that a bright
            garment keeps its texture.
    """

    def __init__(
        self, strength: float = 0.4, lighting_std: float = 0.1, keep_uint8: bool = False
    ) -> None:
        if not 0 <= strength <= 1 or lighting_std < 0:
            raise ValueError(
                f'strength {strength} must be 0 .. 1, lighting_std {lighting_std} >= 0'
            )
        self.strength = strength
        self.lighting_std = lighting_std
        self.keep_uint8 = keep_uint8

    def transform(self, results: Results) -> Results:
        """Jitter the colours."""
        image = results['img']
        matrix = color_matrix(self._draw(), mean_grey(image))
        keep = self.keep_uint8
        results['img'] = cv2.transform(image, matrix) if keep else map_colors(image, matrix)
        return results

    @cache_randomness
    def _draw(self) -> ColorDraw:
        steps = tuple(random.sample(STEPS, len(STEPS)))
        factors = tuple(random.uniform(1 - self.strength, 1 + self.strength) for _ in steps)
        lighting = tuple(random.gauss(0, self.lighting_std) for _ in EIGENVALUES)
        return ColorDraw(steps, factors, lighting)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(strength={self.strength}, lighting_std={self.lighting_std}, '
            f'keep_uint8={self.keep_uint8})'
        )


def mean_grey(image: npt.NDArray[np.generic]) -> float:
    """Mean grey of a BGR image, in its units."""
    means = [cv2.mean(plane)[0] for plane in cv2.split(image)]  # twice as fast as on all three
    return float(np.dot(GREY_WEIGHTS, means))


def map_colors(
    image: npt.NDArray[np.generic], matrix: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Apply a (3, 4) colour matrix in float32.

    Args:
        image: (H, W, 3), any real type.
        matrix: for ``[c0, c1, c2, 1]`` of a pixel.

    Returns:
        (H, W, 3) view of planes (3, H, W). The work goes by strips of rows, which stay in the
        processor's cache from one step to the next.
    """
    height, width = image.shape[:2]
    planes = np.empty((3, height, width), dtype=np.float32)
    for top in range(0, height, STRIP_ROWS):
        rows = slice(top, top + STRIP_ROWS)
        strip = np.ascontiguousarray(image[rows], dtype=np.float32)
        for plane, weights in zip(planes, matrix, strict=True):
            cv2.transform(strip, weights[None], dst=plane[rows])
    return planes.transpose(1, 2, 0)


def color_matrix(draw: ColorDraw, grey_mean: float) -> npt.NDArray[np.float64]:
    """(3, 4) matrix for ``[blue, green, red, 1]`` in 0..255.

    Example:
        >>> color_matrix(ColorDraw(('brightness',), (0.5,), (0.0, 0.0, 0.0)), 100.0)[0].tolist()
        [0.5, 0.0, 0.0, 0.0]
    """
    pixel, own_grey, offset = 1.0, 0.0, 0.0
    for step, factor in zip(draw.steps, draw.factors, strict=True):
        pixel, own_grey, offset = pixel * factor, own_grey * factor, offset * factor
        if step == SATURATION:
            own_grey += 1 - factor
        elif step == CONTRAST:
            offset += (1 - factor) * grey_mean
    linear = pixel * np.eye(3) + own_grey * GREY_WEIGHTS[None, :]
    lighting = 255 * EIGENVECTORS @ (EIGENVALUES * np.array(draw.lighting))
    return np.column_stack([linear, offset + lighting])
