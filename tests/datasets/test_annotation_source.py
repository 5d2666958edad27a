# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deepmark.datasets import DatasetError
from deepmark.datasets.annotation_source import AnnotationSource, find_source
from deepmark.datasets.coco_reader import CocoReader
from deepmark.datasets.image_folder_reader import ImageFolderReader
from deepmark.datasets.native_reader import NativeReader
from deepmark.schema import DEEPFASHION2


@pytest.mark.parametrize('name', ['train', 'train/annos'])
def test_a_split_and_its_annotations(
    native_tree: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    native_tree.add('000001', native_tree.item())
    expected = AnnotationSource(native_tree.images, native_tree.annos, DEEPFASHION2)
    assert find_source(native_tree.root / name) == expected
    monkeypatch.chdir(native_tree.root / name)
    assert find_source('.') == expected


def test_a_coco_file_and_its_photos(tmp_path: Path) -> None:
    file = tmp_path / 'val.json'
    file.write_text('{}')
    assert find_source(file).image_folder == tmp_path
    (tmp_path / 'image').mkdir()
    assert find_source(file).image_folder == tmp_path / 'image'
    assert find_source(file, image_folder=tmp_path / 'x').image_folder == tmp_path / 'x'


def test_own_schema(tmp_path: Path) -> None:
    (tmp_path / 'a.json').write_text(json.dumps({}))
    category = {'name': 'shoe', 'id': 1, 'num_keypoints': 1, 'sigmas': [0.1]}
    schema = {'name': 'shoes', 'categories': [category]}
    assert find_source(tmp_path / 'a.json', schema).schema.class_names == ('shoe',)


def test_what_is_no_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r'absent: no such file or folder\. Fix: '):
        find_source(tmp_path / 'absent')
    with pytest.raises(DatasetError, match=r'holds neither annos nor \.json files\. Fix: '):
        find_source(tmp_path)


def test_readers(tmp_path: Path) -> None:
    (tmp_path / 'annos').mkdir()
    sources = [
        AnnotationSource(tmp_path, annotations, DEEPFASHION2, check_images=False)
        for annotations in (None, tmp_path / 'annos', tmp_path / 'a.json')
    ]
    kinds = [type(source.reader()) for source in sources]
    assert kinds == [ImageFolderReader, NativeReader, CocoReader]
    assert sources[2].reader() == CocoReader(tmp_path / 'a.json', tmp_path, DEEPFASHION2, False)
    assert [source.looked_for() for source in sources] == [
        f'{tmp_path}/*.jpg',
        f'{tmp_path}/*.jpg with {tmp_path / "annos"}/*.json',
        f"'images' in {tmp_path / 'a.json'}",
    ]
