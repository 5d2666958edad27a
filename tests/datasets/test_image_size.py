# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from deepmark.datasets.image_size import image_ids_of, list_images, read_image_size
from deepmark.datasets.problems import DatasetError


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
    for name in ('b.JPG', 'a.png', 'notes.txt', '._a.png'):
        (tmp_path / name).touch()
    assert list_images(tmp_path) == ['a.png', 'b.JPG']
    assert list_images(tmp_path / 'absent') == []


def test_a_name_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b'caf\xe9.jpg')).touch()
    except OSError:
        pytest.skip('this file system holds UTF-8 names only')
    with pytest.raises(DatasetError, match=r"not UTF-8, the first is 'caf\\udce9\.jpg'.*rename"):
        list_images(tmp_path)


def test_numbers_that_no_array_holds_are_no_ids() -> None:
    assert image_ids_of([f'{2**62}.jpg', '7.jpg']) == [2**62, 7]
    assert image_ids_of([f'{2**62 + 1}.jpg', '7.jpg']) == [1, 2]
    assert image_ids_of(['9' * 5000 + '.jpg']) == [1]
    assert image_ids_of(['0' * 30 + '5.jpg']) == [5]
