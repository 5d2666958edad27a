# SPDX-License-Identifier: Apache-2.0
"""What the inferencer makes of files, folders, globs, arrays, videos and webcams."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from deepmark.apis.inference_inputs import output_names, plan_inputs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ('a/1.jpg', 'b/1.JPG', 'b/2.png', 'b/clip.mp4', 'b/notes.txt'):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def test_a_folder_gives_the_images_below_it_in_order(folder: Path) -> None:
    plan = plan_inputs(folder)
    assert [item.source for item in plan.images] == [
        str(folder / name) for name in ('a/1.jpg', 'b/1.JPG', 'b/2.png')
    ]
    assert [item.name for item in plan.images] == ['a/1', 'b/1', '2']
    assert plan.videos == []


def test_a_glob_gives_images_and_videos(folder: Path) -> None:
    plan = plan_inputs(f'{folder}/b/*')
    assert [item.name for item in plan.images] == ['1', '2']
    assert [item.name for item in plan.videos] == ['clip']


def test_the_same_file_is_predicted_once(folder: Path) -> None:
    inputs = [str(folder / 'b' / '2.png'), folder / 'b', f'{folder}/b/../b/2.png']
    assert [item.name for item in plan_inputs(inputs).images] == ['2', '1']


def test_a_file_named_on_its_own_is_taken_whatever_its_suffix(folder: Path) -> None:
    assert [item.name for item in plan_inputs(str(folder / 'b/notes.txt')).images] == ['notes']


def test_what_does_not_exist_is_a_failure(folder: Path) -> None:
    (folder / 'empty').mkdir()
    plan = plan_inputs([str(folder / 'no.jpg'), str(folder / 'empty'), str(folder / '*.gif')])
    assert [failure.reason.split(' (')[0] for failure in plan.failures] == [
        'there is no such file or folder',
        'the folder holds no image',
        'no image or video file matches',
    ]
    assert plan.images == []


def test_numbers_are_webcams_unless_a_file_has_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert [video.camera for video in plan_inputs([0, '1']).videos] == [0, 1]
    (tmp_path / '1').touch()
    assert [image.source for image in plan_inputs('1').images] == [os.path.abspath('1')]


def test_arrays_are_numbered() -> None:
    array = np.zeros((2, 3, 3), np.uint8)
    plan = plan_inputs([array, array])
    assert [item.name for item in plan.images] == ['array_000000', 'array_000001']
    assert plan.images[0].array is array


@pytest.mark.parametrize(
    'array', [np.zeros((2, 3), np.uint8), np.zeros((2, 3, 3)), np.zeros((0, 3, 3), np.uint8)]
)
def test_arrays_of_another_kind_are_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r'array 0 has the shape .* expected \(H, W, 3\) uint8'):
        plan_inputs(array)


def test_other_things_are_refused() -> None:
    with pytest.raises(TypeError, match=r'not <class .float.>'):
        plan_inputs([1.5])  # type: ignore[list-item]
    with pytest.raises(ValueError, match='list of inputs is empty'):
        plan_inputs([])


@pytest.mark.parametrize(
    ('paths', 'names'),
    [
        ([], []),
        (['/p/a.jpg'], ['a']),
        (['/p/a.jpg', '/p/b.jpg'], ['a', 'b']),
        (['/p/a.jpg', '/p/a.png', '/p/b.png'], ['a_jpg', 'a_png', 'b']),
        (['/p/x/a.jpg', '/p/y/A.jpg'], ['x/a', 'y/A']),
        (['/p/x/a.jpg', '/p/x/a.png', '/p/a.jpg'], ['x/a_jpg', 'x/a_png', 'a']),
        (['/p/a.jpg', '/p/a.png', '/p/a_png.bmp'], ['a_jpg', 'a_png', 'a_png-2']),
    ],
)
def test_output_names_differ(paths: list[str], names: list[str]) -> None:
    assert output_names(paths) == names
