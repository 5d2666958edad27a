# SPDX-License-Identifier: Apache-2.0
"""When the cache is valid: never stale, never damaged, and one for each schema."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deepmark.datasets import DatasetError, Kind, image_folder_reader
from deepmark.datasets.annotation_source import AnnotationSource, find_source
from deepmark.datasets.load_packed import LoadedAnnotations, load_packed
from deepmark.schema import DEEPFASHION2, Category, LandmarkSchema

from .cached_annotations import assert_same, load, photo_opener, touch

pytestmark = pytest.mark.usefixtures('user_cache')


def _edit(tree: Any) -> None:
    tree.edit('000001', scale=3)


def _same_length(tree: Any) -> None:
    file = tree.annotation('000001')
    text = file.read_text()
    file.write_text(text.replace('"style": 4', '"style": 5'))
    assert file.read_text() != text
    assert len(file.read_text()) == len(text)


CHANGES: list[Callable[[Any], object]] = [
    _edit,
    _same_length,
    lambda tree: touch(tree.annotation('000002')),
    lambda tree: touch(tree.images / '000002.jpg'),
    lambda tree: tree.add('000006', tree.item()),
    lambda tree: tree.add_image('000002', wh=(81, 70)),
    lambda tree: (tree.annotation('000005').unlink(), (tree.images / '000005.jpg').unlink()),
    lambda tree: (tree.images / '000003.jpg').rename(tree.images / '000003.png'),
]


@pytest.mark.parametrize('change', CHANGES)
def test_a_cache_does_not_outlive_a_change(
    five: Any, tmp_path: Path, change: Callable[[Any], object]
) -> None:
    load(five, tmp_path / 'cache')
    change(five)
    after = load(five, tmp_path / 'cache')
    assert not after.from_cache
    assert_same(after, load(five, 'off'))
    assert load(five, tmp_path / 'cache').from_cache


@pytest.mark.parametrize('lost', ['image/000002.jpg', 'annos/000002.json'])
def test_a_lost_file_is_found_although_there_is_a_cache(
    five: Any, tmp_path: Path, lost: str
) -> None:
    load(five, tmp_path / 'cache')
    (five.annos.parent / lost).unlink()
    for _ in range(2):
        with pytest.raises(DatasetError, match=r'file missing'):
            load(five, tmp_path / 'cache')


def test_another_schema_has_another_cache(coco_file: Any, tmp_path: Path) -> None:
    coco_file.add_image(3)
    coco_file.add_item(3, category_id=1, keypoints=[5, 6, 2, 7, 8, 1])
    coco_file.content['categories'] = []
    (coco_file.root / 'val.json').write_text(json.dumps(coco_file.content))
    shoe = Category('shoe', 1, 2, ((0, 1),), (), (0.1, 0.1), keypoint_names=('heel', 'toe'))
    for flip_pairs in (((0, 1),), ()):
        schema = LandmarkSchema('shoes', [Category(**{**vars(shoe), 'flip_pairs': flip_pairs})])
        source = find_source(coco_file.root / 'val.json', schema)
        assert not load_packed(source, cache=tmp_path / 'cache').from_cache
        assert load_packed(source, cache=tmp_path / 'cache').from_cache
    assert len(os.listdir(tmp_path / 'cache')) == 2


def test_problems_are_repeated_from_the_cache(five: Any, tmp_path: Path, logged: list[str]) -> None:
    five.edit('000002', category_id=99)
    messages = []
    for _ in range(2):
        with pytest.raises(DatasetError) as error:
            load(five, tmp_path / 'cache')
        messages.append(str(error.value))
    assert messages[0] == messages[1]
    assert '000002.json: item1.category_id: unknown category' in messages[0]
    loaded = load(five, tmp_path / 'cache', on_problem='warn')
    assert loaded.from_cache
    assert loaded.problems.counts() == {Kind.UNKNOWN_CATEGORY: 1, Kind.NO_ITEM: 1}
    assert loaded.packed.num_items == 4
    assert logged == ['1 x image without any garment: ' + logged[0].split(': ', 1)[1]] * 2


def test_verify_compares_contents(five: Any, tmp_path: Path, logged: list[str]) -> None:
    load(five, tmp_path / 'cache')
    file = five.annotation('000001')
    state = file.stat()
    _same_length(five)
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert load(five, tmp_path / 'cache').from_cache
    verified = load(five, tmp_path / 'cache', verify=True)
    assert not verified.from_cache
    assert 'differs from the annotation files' in logged[0]
    assert verified.packed.attributes[0].tolist() == [2, 1, 3, 2, 5]
    assert load(five, tmp_path / 'cache', verify=True).from_cache


def _damage(place: Path, array: bytes) -> None:
    """Flip a bit in the middle of an array of a cache file."""
    data = bytearray(place.read_bytes())
    assert data.count(array) == 1
    data[data.index(array) + len(array) // 2] ^= 1
    place.write_bytes(data)


@pytest.mark.usefixtures('small_parts')
def test_verify_in_several_parts_and_a_damaged_array(five: Any, tmp_path: Path) -> None:
    plain = load(five, tmp_path / 'cache')
    assert load(five, tmp_path / 'cache', verify=True).from_cache
    place = plain.cache_file
    assert place is not None
    _damage(place, plain.packed.keypoints.tobytes())
    assert load(five, tmp_path / 'cache').from_cache
    repaired = load(five, tmp_path / 'cache', verify=True)
    assert not repaired.from_cache
    assert_same(repaired, load(five, 'off'))


@pytest.mark.parametrize('length', [0, 30, 700, -1])
def test_a_damaged_cache_is_made_anew(
    five: Any, tmp_path: Path, logged: list[str], length: int
) -> None:
    place = load(five, tmp_path / 'cache').cache_file
    assert place is not None
    place.write_bytes(place.read_bytes()[:length])
    assert not load(five, tmp_path / 'cache').from_cache
    assert any(line.startswith(f'annotation cache not used: {place}') for line in logged)
    assert load(five, tmp_path / 'cache').from_cache


def test_photos_without_annotations(
    five: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = AnnotationSource(five.images, None, DEEPFASHION2)
    opened = photo_opener(monkeypatch, image_folder_reader)
    plain = load_packed(source, cache='off')
    assert not load_packed(source, cache=tmp_path / 'cache').from_cache
    assert len(opened) == 10
    cached = load_packed(source, cache=tmp_path / 'cache')
    assert cached.from_cache
    assert_same(cached, plain)
    touch(five.images / '000004.jpg')
    assert not load_packed(source, cache=tmp_path / 'cache').from_cache
    assert opened[10:] == ['000004.jpg']


@pytest.mark.parametrize(
    'change',
    [
        lambda root: touch(root / 'val.json'),
        lambda root: (root / 'image' / '000009.jpg').touch(),
        lambda root: (root / 'other' / 'a.jpg').unlink(),
        lambda root: (root / 'lost' / 'b.jpg').write_bytes(b'x'),
    ],
)
def test_coco_files(coco_file: Any, tmp_path: Path, change: Callable[[Path], object]) -> None:
    """Photos in the image folder and elsewhere, and one whose folder is empty."""
    for folder in ('other', 'lost'):
        (coco_file.root / folder).mkdir()
    for image_id, name in ((3, None), (4, '../other/a.jpg'), (5, '../lost/b.jpg')):
        coco_file.add_image(image_id)
        coco_file.add_item(image_id)
        if name:
            coco_file.content['images'][-1]['file_name'] = name
    (coco_file.root / 'image' / '000004.jpg').rename(coco_file.root / 'other' / 'a.jpg')
    (coco_file.root / 'val.json').write_text(json.dumps(coco_file.content))

    def read(cache: str | Path) -> LoadedAnnotations:
        return load_packed(find_source(coco_file.root / 'val.json'), 'warn', cache)

    plain = read('off')
    assert plain.problems.counts() == {Kind.MISSING_IMAGE: 1}
    assert_same(read(tmp_path / 'cache'), plain)
    cached = read(tmp_path / 'cache')
    assert cached.from_cache
    assert_same(cached, plain)
    assert cached.locate(1)[1] == 'annotations[1]'
    change(coco_file.root)
    after = read(tmp_path / 'cache')
    assert not after.from_cache
    assert_same(after, read('off'))
