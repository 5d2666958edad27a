# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from deepmark.datasets.image_size import list_images, read_image_size


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.bmp'])
def test_width_before_height(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f'image{suffix}'
    Image.fromarray(np.zeros((5, 8, 3), np.uint8)).save(path)
    assert read_image_size(path) == (8, 5)


@pytest.mark.parametrize('orientation', range(1, 9))
def test_exif_orientation_as_the_loader_sees_it(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / 'sideways.jpg'
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.zeros((16, 32, 3), np.uint8)).save(path, exif=exif)
    height, width = cv2.imread(str(path)).shape[:2]
    assert read_image_size(path) == (width, height)
    assert (width > height) == (orientation < 5)


@pytest.mark.parametrize('content', [b'', b'not an image', b'\xff\xd8\xff'])
def test_broken_header_is_an_os_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'broken.jpg'
    path.write_bytes(content)
    with pytest.raises(OSError, match=r'broken'):
        read_image_size(path)


def test_listing_is_sorted_and_holds_images_only(tmp_path: Path) -> None:
    for name in ('b.JPG', 'a.png', 'notes.txt'):
        (tmp_path / name).touch()
    assert list_images(tmp_path) == ['a.png', 'b.JPG']
    assert list_images(tmp_path / 'absent') == []
