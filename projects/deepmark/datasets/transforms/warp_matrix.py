# SPDX-License-Identifier: Apache-2.0
"""Affine matrices between the original photo and the network input, as pure functions.

A matrix is (2, 3) float64 and maps a point (x, y) of one frame to another: ``A @ [x, y, 1]``. The
centre of pixel i lies at the coordinate i, as in ``cv2.warpAffine`` and CenterNet (mmdet's own
transforms put it at i + 0.5).

CenterNet (xingyizhou/CenterNet at 4c50fd3, ``get_affine_transform``) maps a square of side s around
a centre c to a square input; here the input may have any aspect ratio, see :func:`fit_zoom`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


def fit_zoom(image_wh: tuple[int, int], input_wh: tuple[int, int]) -> float:
    """Input pixels per image pixel at which the whole image just fits the input.

    ``min(W / w, H / h)``. For a square input it is CenterNet's ``W / max(w, h)``; for another
    aspect ratio it is the largest zoom that neither distorts nor cuts the image.

    Example:
        >>> fit_zoom((750, 500), (512, 512)) == 512 / 750
        True
    """
    return min(input_wh[0] / image_wh[0], input_wh[1] / image_wh[1])


def center_warp(center_orig: tuple[float, float], zoom: float, input_wh: tuple[int, int]) -> Matrix:
    """Matrix original -> input that puts ``center_orig`` at (W / 2, H / 2) and scales by ``zoom``.

    ``p_img = zoom * (p_orig - center_orig) + (W / 2, H / 2)``.

    Example:
        >>> matrix = center_warp((10.0, 20.0), 2.0, (8, 6))
        >>> transform_points(matrix, np.array([[11.0, 20.5]])).tolist()
        [[6.0, 4.0]]
    """
    shift_x = input_wh[0] / 2 - zoom * center_orig[0]
    shift_y = input_wh[1] / 2 - zoom * center_orig[1]
    return np.array([[zoom, 0, shift_x], [0, zoom, shift_y]], dtype=np.float64)


def fit_warp(
    image_wh: tuple[int, int],
    input_wh: tuple[int, int],
    scale: float = 1.0,
    canvas_wh: tuple[int, int] | None = None,
) -> Matrix:
    """CenterNet's fixed-resolution test warp: the whole image, centred, not distorted.

    At ``scale`` the image is that much larger than what just fits ``input_wh``, in the same input
    or in one of another size, ``canvas_wh``.
    """
    center = (image_wh[0] / 2, image_wh[1] / 2)
    return center_warp(center, scale * fit_zoom(image_wh, input_wh), canvas_wh or input_wh)


def scaled_canvas(input_wh: tuple[int, int], scale: float, divisor: int) -> tuple[int, int]:
    """Smallest size of multiples of ``divisor`` that holds an input of ``scale`` times the size.

    Example:
        >>> scaled_canvas((512, 256), 0.75, 128)
        (384, 256)
    """
    width, height = (math.ceil(scale * length - 1e-6) for length in input_wh)  # 1.1 * 100 > 110
    return padded_length(width, divisor, always=False), padded_length(height, divisor, always=False)


def padded_length(length: int, divisor: int, always: bool = True) -> int:
    """The next multiple of ``divisor``: above ``length``, or ``length`` itself if not ``always``.

    Example:
        >>> padded_length(512, 32), padded_length(512, 32, always=False)
        (544, 512)
    """
    return ((length if always else length - 1) // divisor + 1) * divisor


def keep_resolution_warp(
    image_wh: tuple[int, int], divisor: int, scale: float = 1.0, always_pad: bool = True
) -> tuple[Matrix, tuple[int, int]]:
    """CenterNet's ``keep_res`` test warp: no zoom but ``scale``, black around the image.

    The image of the size w = int(scale * image w), h alike, is padded to multiples W, H of
    ``divisor`` (see :func:`padded_length`); its pixel (w // 2, h // 2) goes to (W / 2, H / 2).

    Returns:
        Matrix original -> input, and the input's (W, H).

    Example:
        >>> matrix, input_wh = keep_resolution_warp((30, 64), 32)
        >>> input_wh, matrix.tolist()
        ((32, 96), [[1.0, 0.0, 1.0], [0.0, 1.0, 16.0]])
    """
    width, height = (max(1, int(length * scale)) for length in image_wh)
    input_wh = padded_length(width, divisor, always_pad), padded_length(height, divisor, always_pad)
    center_orig = (width // 2 / scale, height // 2 / scale)
    return center_warp(center_orig, scale, input_wh), input_wh


def mirror(width: int) -> Matrix:
    """Horizontal flip of an image of that width: x -> width - 1 - x.

    Example:
        >>> transform_points(mirror(5), np.array([[0.0, 3.0], [4.0, 3.0]])).tolist()
        [[4.0, 3.0], [0.0, 3.0]]
    """
    return np.array([[-1, 0, width - 1], [0, 1, 0]], dtype=np.float64)


def identity() -> Matrix:
    """The matrix that moves nothing."""
    return np.array([[1, 0, 0], [0, 1, 0]], dtype=np.float64)


def compose(second: Matrix, first: Matrix) -> Matrix:
    """Matrix of ``first``, then ``second``."""
    linear = second[:, :2] @ first[:, :2]
    shift = second[:, :2] @ first[:, 2] + second[:, 2]
    return np.column_stack([linear, shift])


def invert(matrix: Matrix) -> Matrix:
    """Matrix of the way back.

    Raises:
        ValueError: the matrix maps the plane to a line and has no inverse.
    """
    a, b, tx, c, d, ty = matrix.ravel().tolist()
    determinant = a * d - b * c
    if determinant == 0:
        raise ValueError(f'warp matrix {matrix.tolist()} has no inverse: its zoom is 0')
    linear = np.array([[d, -b], [-c, a]], dtype=np.float64) / determinant
    return np.column_stack([linear, -linear @ np.array([tx, ty])]) + 0.0  # no -0.0


def transform_points(
    matrix: npt.NDArray[np.floating], points: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Apply a matrix to points (..., 2) of x, y; the result is float64."""
    warped: npt.NDArray[np.float64] = points @ matrix[:, :2].T.astype(np.float64) + matrix[:, 2]
    return warped


def transform_boxes(
    matrix: npt.NDArray[np.floating], boxes_xyxy: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Apply a matrix to boxes (N, 4) x1 y1 x2 y2; each result encloses the four moved corners."""
    corners = boxes_xyxy[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    moved = transform_points(matrix, corners)
    return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)
