# SPDX-License-Identifier: Apache-2.0
"""Loading an image, with errors that name the file."""

from __future__ import annotations

import logging
from typing import Any

import mmcv
import mmengine.fileio as fileio
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine.logging import print_log

from deepmark.datasets.problems import OnProblem
from deepmark.registry import TRANSFORMS

_JPEG_START, _JPEG_SCAN, _JPEG_END = b'\xff\xd8', b'\xff\xda', b'\xff\xd9'


class ImageReadError(ValueError):
    """An image file that cannot be used; the message names it."""


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """mmcv's LoadImageFromFile that does not let a broken file pass.

    cv2 fills the missing part of a truncated JPEG with grey and says nothing to the program; here
    it is an error. So is an image whose size is not the one of its annotation (``width``,
    ``height``), since boxes and landmarks would not fit.

    Args:
        on_problem: ``'error'`` raises; ``'warn'`` logs the file and gives None, upon which mmengine
            draws another image in training.
        check_size: compare with the annotated size.
        kwargs: as for mmcv's LoadImageFromFile.

    Raises:
        ImageReadError: missing, empty, truncated or undecodable file, or a size that differs.
    """

    def __init__(
        self, on_problem: OnProblem = 'error', check_size: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if on_problem not in ('error', 'warn'):
            raise ValueError(f"on_problem is {on_problem!r}, must be 'error' or 'warn'")
        self.on_problem = on_problem
        self.check_size = check_size

    def transform(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Add ``img`` (H, W, 3) uint8 BGR, ``img_shape`` and ``ori_shape``."""
        try:
            image = self._read(str(results['img_path']))
            if self.check_size:
                _check_size(image, results)
        except ImageReadError as error:
            if self.on_problem == 'error':
                raise
            print_log(f'{error} Left out.', logger='current', level=logging.WARNING)
            return None
        results['img'] = image.astype(np.float32) if self.to_float32 else image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def _read(self, path: str) -> Any:
        try:
            content = fileio.get(path, backend_args=self.backend_args)
        except OSError as error:
            raise _read_error(path, f'cannot be opened ({error.strerror or error})') from error
        if not content:
            raise _read_error(path, 'is empty')
        if is_truncated_jpeg(content):
            raise _read_error(path, 'is truncated (its JPEG data has no end)')
        try:
            image = mmcv.imfrombytes(content, flag=self.color_type, backend=self.imdecode_backend)
        except Exception as error:  # every backend has exceptions of its own
            raise _read_error(path, f'cannot be decoded ({error})') from error
        if image is None:
            raise _read_error(path, 'is not an image that can be decoded')
        return image


def is_truncated_jpeg(content: bytes) -> bool:
    r"""Whether a JPEG stream stops before its end marker.

    Inside the compressed data of a scan no marker but restarts can occur, so a whole file has an
    end marker behind its last scan; an embedded thumbnail lies before it.

    Example:
        >>> is_truncated_jpeg(b'\xff\xd8...\xff\xda...\xff\xd9')
        False
        >>> is_truncated_jpeg(b'\xff\xd8...\xff\xda...')
        True
    """
    if not content.startswith(_JPEG_START):
        return False
    end = content.rfind(_JPEG_END)
    return end < 0 or content.find(_JPEG_SCAN, end) >= 0


def _read_error(path: str, what: str) -> ImageReadError:
    return ImageReadError(f'{path}: image {what}. Fix: unpack or download it again.')


def _check_size(image: Any, results: dict[str, Any]) -> None:
    height, width = image.shape[:2]
    annotated = results.get('width', width), results.get('height', height)
    if annotated != (width, height):
        raise ImageReadError(
            f'{results["img_path"]}: image has {width} x {height} pixels, its annotation says '
            f'{annotated[0]} x {annotated[1]} (width, height). Fix: use the image that was '
            'annotated, or check_size=False.'
        )
