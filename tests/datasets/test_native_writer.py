# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2's own files as written, and what they cannot hold."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepmark.datasets.native_writer import native_losses, write_native
from deepmark.datasets.packing import ImageRow, ItemRow, pack
from deepmark.datasets.problems import DatasetError
from deepmark.datasets.records import PackedRecords


def skirt(**changes: Any) -> ItemRow:
    values: dict[str, Any] = {
        'label': 8,
        'bbox': (10.1, 20.3, 50.7, 60.9),
        'keypoints': np.array([[12.34, 20, 1], *[[15, 20.5, 2]] * 7], np.float32),
        'position': 1,
        'area': 1648.36,
        'attributes': (2, 1, 3, 2, 4),
        'pair_id': 7,
        'source': 'shop',
        'polygons': [np.array([[10.5, 20], [30, 20]], np.float32)],
    }
    return ItemRow(**{**values, **changes})


def records(*items: ItemRow, name: str = '000003.jpg', image_id: int = 3) -> PackedRecords:
    first = ImageRow(name, image_id, 80, 70, list(items))
    return pack([first, ImageRow('000004.jpg', 4, 80, 70)])


def test_files(tmp_path: Path) -> None:
    write_native(tmp_path / 'new' / 'annos', records(skirt(), skirt(polygons=[])))
    names = sorted(path.name for path in (tmp_path / 'new' / 'annos').iterdir())
    assert names == ['000003.json', '000004.json']
    text = (tmp_path / 'new' / 'annos' / '000003.json').read_text()
    assert '"bounding_box":[10.1,20.3,50.7,60.9]' in text
    content = json.loads(text)
    assert (content['source'], content['pair_id']) == ('shop', 7)
    assert content['item1'] == {
        'category_id': 9,
        'category_name': 'skirt',
        'bounding_box': [10.1, 20.3, 50.7, 60.9],
        'landmarks': [12.34, 20, 1, *[15, 20.5, 2] * 7],
        'segmentation': [[10.5, 20, 30, 20]],
        'scale': 2,
        'occlusion': 1,
        'zoom_in': 3,
        'viewpoint': 2,
        'style': 4,
    }
    assert content['item2']['segmentation'] == []
    empty = json.loads((tmp_path / 'new' / 'annos' / '000004.json').read_text())
    assert empty == {'source': '', 'pair_id': 0}


@pytest.mark.parametrize(
    ('packed', 'loss'),
    [
        (records(skirt(ignore=True), skirt()), '1 garments with iscrowd = 1'),
        (records(skirt(area=1234.5)), '1 areas that are not that of the box'),
        (records(skirt(), skirt(pair_id=8)), '1 images whose garments differ in source or pair_id'),
        (records(skirt(), skirt(source='')), '1 images whose garments differ in source or pair_id'),
        (records(skirt(), image_id=9), '1 image ids that are not the file name'),
        (records(skirt(), name='a/000003.jpg'), '1 images in subfolders'),
    ],
)
def test_losses(packed: PackedRecords, loss: str) -> None:
    assert native_losses(packed) == [loss]


def test_no_losses() -> None:
    assert native_losses(records(skirt(), skirt())) == []
    assert native_losses(pack([])) == []
    own_photos = [ImageRow('street.jpg', 2, 8, 8), ImageRow('beach.jpg', 1, 8, 8)]
    assert native_losses(pack(own_photos)) == []


def test_renumbered_ids() -> None:
    """They count from 1 in the order of the names, whatever the order of the images is."""
    rows = [ImageRow('2.jpg', 2, 8, 8, [skirt(annotation_id=2)])]
    rows.append(ImageRow('1.jpg', 1, 8, 8, [skirt(annotation_id=1)]))
    assert native_losses(pack(rows), own_ids=True) == []
    other = records(skirt(annotation_id=429), skirt(annotation_id=2))
    assert native_losses(other, own_ids=True) == ['1 annotation ids that are renumbered']
    assert native_losses(other) == []
    assert native_losses(pack([]), own_ids=True) == []


@pytest.mark.parametrize(
    'text',
    [
        '{"images": [], "annotations": []}',
        '{"images": [], "item1": {}}',
        '{"source": "shop", "info": 1}',
        '[]',
        'not json',
    ],
)
def test_folder_with_other_json_is_not_replaced(tmp_path: Path, text: str) -> None:
    folder = tmp_path / 'annos'
    write_native(folder, records(skirt()))
    (folder / 'val.json').write_text(text)
    with pytest.raises(DatasetError, match=r'annos: val\.json is none of DeepFashion2.s own'):
        write_native(folder, records(skirt()), overwrite=True)
    assert (folder / 'val.json').read_text() == text
    assert len(list(folder.iterdir())) == 3


def test_two_photos_with_one_stem(tmp_path: Path) -> None:
    packed = records(skirt(), name='000004.png')
    with pytest.raises(DatasetError, match=r'000004\.jpg: 000004\.json is the file of 000004\.png'):
        write_native(tmp_path / 'annos', packed)
    assert list(tmp_path.iterdir()) == []


def test_existing_folder(tmp_path: Path) -> None:
    folder = tmp_path / 'annos'
    write_native(folder, records(skirt()))
    (folder / '000099.json').write_text('{}')
    with pytest.raises(FileExistsError, match='--overwrite'):
        write_native(folder, records(skirt()))
    write_native(folder, records(skirt()), overwrite=True)
    assert len(list(folder.iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ['annos']


def test_folder_with_other_files_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / 'annos').mkdir()
    (tmp_path / 'annos' / 'thesis.txt').write_text('years of work')
    with pytest.raises(DatasetError, match=r'holds thesis\.txt, which is no annotation file'):
        write_native(tmp_path / 'annos', records(skirt()), overwrite=True)
    assert (tmp_path / 'annos' / 'thesis.txt').exists()
    (tmp_path / 'file').write_text('')
    with pytest.raises(DatasetError, match='is a file'):
        write_native(tmp_path / 'file', records(skirt()), overwrite=True)


@pytest.mark.parametrize('method', ['write_bytes', 'rename'])
def test_failure_leaves_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Of the first file's writing, or of the folder's last move."""
    folder = tmp_path / 'annos'
    write_native(folder, records(skirt()))
    before = (folder / '000003.json').read_bytes()
    original = getattr(Path, method)

    def fail(path: Path, argument: Any) -> Any:
        if method == 'write_bytes' or path.name == 'new':
            raise OSError(errno.ENOSPC, 'No space left on device')
        return original(path, argument)

    monkeypatch.setattr(Path, method, fail)
    with pytest.raises(OSError, match='No space left'):
        write_native(folder, records(skirt(pair_id=9)), overwrite=True)
    assert (folder / '000003.json').read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ['annos']
