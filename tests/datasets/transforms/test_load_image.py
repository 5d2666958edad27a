# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from deepmark.datasets.transforms import ImageReadError, LoadImage
from deepmark.datasets.transforms.load_image import is_truncated_jpeg


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / 'photo.jpg'
    picture = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), picture)
    return path


def test_loads_bgr_bytes(photo: Path) -> None:
    results = LoadImage()({'img_path': str(photo), 'width': 60, 'height': 40})
    np.testing.assert_array_equal(results['img'], cv2.imread(str(photo)))
    assert results['img_shape'] == results['ori_shape'] == (40, 60)
    assert LoadImage(to_float32=True)({'img_path': str(photo)})['img'].dtype == np.float32


@pytest.mark.parametrize('share', [0.4, 0.9, 0.999])
def test_truncated_jpeg_is_an_error_that_names_the_file(photo: Path, share: float) -> None:
    content = photo.read_bytes()
    photo.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ImageReadError, match=r'photo\.jpg: image is truncated .* Fix: unpack'):
        LoadImage()({'img_path': str(photo)})


@pytest.mark.parametrize(
    ('content', 'what'),
    [
        (b'', 'is empty'),
        (b'<html>', 'cannot be decoded|is not an image'),
        (b'\x89PNG\r\n\x1a\n', 'cannot be decoded|is not an image'),
    ],
)
def test_what_is_no_image(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / 'bad.jpg'
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match=rf'bad\.jpg: image ({what})'):
        LoadImage()({'img_path': str(path)})


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match=r'none\.jpg: image cannot be opened \(No such file'):
        LoadImage()({'img_path': str(tmp_path / 'none.jpg')})


def test_size_that_differs_from_the_annotation(photo: Path) -> None:
    results = {'img_path': str(photo), 'width': 40, 'height': 60}
    with pytest.raises(ImageReadError, match=r'photo\.jpg: image has 60 x 40 .* says 40 x 60'):
        LoadImage()(dict(results))
    assert LoadImage(check_size=False)(dict(results))['img'].shape == (40, 60, 3)


def test_broken_image_is_logged_and_left_out_on_request(tmp_path: Path, logged: list[str]) -> None:
    assert LoadImage(on_problem='warn')({'img_path': str(tmp_path / 'none.jpg')}) is None
    assert len(logged) == 1
    assert 'none.jpg' in logged[0]
    with pytest.raises(ValueError, match='on_problem'):
        LoadImage(on_problem='ignore')  # type: ignore[arg-type]


@pytest.mark.parametrize('progressive', [False, True])
def test_thumbnail_and_progressive_scans_do_not_confuse(tmp_path: Path, progressive: bool) -> None:
    """A thumbnail has an end marker of its own, in front of the picture's data."""
    rng = np.random.default_rng(0)
    small, path = tmp_path / 'small.jpg', tmp_path / 'large.jpg'
    Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(small)
    picture = Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))
    picture.save(path, progressive=progressive, comment=small.read_bytes())
    content = path.read_bytes()
    assert content.count(b'\xff\xd9') >= 2
    assert not is_truncated_jpeg(content)
    assert not is_truncated_jpeg(content + b'trailing bytes')
    last_scan = content.rfind(b'\xff\xda')
    for end in range(last_scan + 2, len(content) - 1, 97):
        assert is_truncated_jpeg(content[:end])


def test_other_formats_are_left_to_their_decoder() -> None:
    assert not is_truncated_jpeg(b'\x89PNG')
