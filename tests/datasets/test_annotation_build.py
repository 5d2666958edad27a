# SPDX-License-Identifier: Apache-2.0
"""What is read is kept only when reading again would give the same, and parts only when intact."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from deepmark.datasets import annotation_build, image_folder_reader, native_reader, records
from deepmark.datasets.annotation_source import AnnotationSource, find_source
from deepmark.datasets.coco_reader import CocoReader
from deepmark.datasets.load_packed import LoadedAnnotations, load_packed
from deepmark.datasets.native_reader import NativeReader
from deepmark.datasets.problems import DatasetError, Kind
from deepmark.schema import DEEPFASHION2


@pytest.fixture
def three(native_tree: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Three photos with a skirt each, read in parts of one."""
    monkeypatch.setattr(annotation_build, 'IMAGES_PER_PART', 1)
    for stem in ('000001', '000002', '000003'):
        native_tree.add(stem, native_tree.item(9))
    return native_tree


def load(tree: Any, cache: Path, **options: Any) -> LoadedAnnotations:
    return load_packed(find_source(tree.annos), 'warn', cache, workers=1, progress=False, **options)


def _fail(*_: object) -> Any:
    raise OSError(errno.EIO, 'Input/output error')


@pytest.mark.parametrize('what', ['annotation', 'photo'])
def test_a_read_error_is_not_kept(
    three: Any, tmp_path: Path, logged: list[str], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    original = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        return _fail() if path.name == '000002.json' else original(path)

    with monkeypatch.context() as patch:
        if what == 'annotation':
            patch.setattr(Path, 'read_bytes', read_bytes)
        else:
            patch.setattr(native_reader, 'read_image_size', _fail)
        failed = load(three, tmp_path / 'cache')
    count = {'annotation': 1, 'photo': 3}[what]
    assert failed.problems.counts() == {Kind.READ_ERROR: count}
    assert 'Input/output error' in str(failed.problems.found[0])
    assert failed.cache_file is None
    assert 'annotation cache not written: a file could not be read' in logged[-1]
    assert list((tmp_path / 'cache').iterdir()) == []
    healed = load(three, tmp_path / 'cache')
    assert (healed.from_cache, healed.packed.num_items, healed.problems.found) == (False, 3, [])
    assert load(three, tmp_path / 'cache').from_cache


def test_a_read_error_is_not_kept_in_a_part(
    three: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run fails on the second photo and is killed at the third."""
    original = native_reader.read_image_size

    def read_image_size(path: Path) -> tuple[int, int]:
        if path.name == '000003.jpg':
            raise KeyboardInterrupt
        return _fail() if path.name == '000002.jpg' else original(path)

    with monkeypatch.context() as patch:
        patch.setattr(native_reader, 'read_image_size', read_image_size)
        with pytest.raises(KeyboardInterrupt):
            load(three, tmp_path / 'cache')
    parts = [path.name for path in (tmp_path / 'cache').glob('*.building/part-*')]
    assert parts == ['part-00000.records']
    assert load(three, tmp_path / 'cache').problems.found == []


def test_a_photo_without_annotation_that_cannot_be_read(
    three: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = AnnotationSource(three.images, None, DEEPFASHION2)
    with monkeypatch.context() as patch:
        patch.setattr(image_folder_reader, 'read_image_size', _fail)
        failed = load_packed(source, 'warn', tmp_path / 'cache', workers=1)
    assert failed.problems.counts() == {Kind.READ_ERROR: 3}
    again = load_packed(source, 'warn', tmp_path / 'cache', workers=1)
    assert (again.from_cache, again.packed.num_images) == (False, 3)


@pytest.mark.parametrize('verify', [False, True])
@pytest.mark.parametrize('damaged', [False, True])
def test_which_parts_are_taken_again(
    three: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool, verify: bool
) -> None:
    """All intact ones; none when contents are to be compared."""
    read: list[str] = []
    killed = True
    original = NativeReader.read_images

    def read_images(reader: NativeReader, names: list[str], *rest: Any) -> Any:
        read.extend(names)
        if names == ['000003.jpg'] and killed:
            raise KeyboardInterrupt
        return original(reader, names, *rest)

    monkeypatch.setattr(NativeReader, 'read_images', read_images)
    with pytest.raises(KeyboardInterrupt):
        load(three, tmp_path / 'cache')
    killed = False
    first, _ = sorted((tmp_path / 'cache').glob('*.building/part-*'))
    if damaged:
        data = bytearray(first.read_bytes())
        landmarks = load(three, 'off').packed.keypoints[:8].tobytes()  # type: ignore[arg-type]
        data[data.index(landmarks) + 40] ^= 1
        first.write_bytes(data)
    read.clear()
    loaded = load(three, tmp_path / 'cache', verify=verify)
    expected = ['000001.jpg', '000002.jpg', '000003.jpg']
    assert sorted(read) == [
        n for n in expected if verify or n[5] == '3' or (damaged and n[5] == '1')
    ]
    assert loaded.packed.keypoints[:2].tolist() == [[12, 25, 2], [13, 25.5, 1]]


def test_a_changed_photo_makes_a_part_stale(
    three: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = native_reader.read_image_size

    def read_image_size(path: Path) -> tuple[int, int]:
        if path.name == '000003.jpg':
            raise KeyboardInterrupt
        return original(path)

    with monkeypatch.context() as patch:
        patch.setattr(native_reader, 'read_image_size', read_image_size)
        with pytest.raises(KeyboardInterrupt):
            load(three, tmp_path / 'cache')
    three.add_image('000001', wh=(95, 90))
    loaded = load(three, tmp_path / 'cache')
    assert loaded.packed.image_wh.tolist() == [[95, 90], [80, 70], [80, 70]]


def test_sources_of_several_parts(three: Any, tmp_path: Path) -> None:
    """Each part counts its own texts from 1."""
    for stem, source in (('000001', 'user'), ('000003', 'street')):
        content = json.loads(three.annotation(stem).read_text())
        three.annotation(stem).write_text(json.dumps(content | {'source': source}))
    packed = load(three, tmp_path / 'cache').packed
    assert [packed.source_names[n] for n in packed.sources] == ['user', 'shop', 'street']


def test_too_many_sources_of_several_parts(
    three: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three.edit('000001')
    content = json.loads(three.annotation('000002').read_text())
    three.annotation('000002').write_text(json.dumps(content | {'source': 'user'}))
    monkeypatch.setattr(records, 'MAX_SOURCES', 2)
    with pytest.raises(DatasetError, match=r'annos: source: more than 1 different texts. Fix: '):
        load(three, tmp_path / 'cache')


def _in_subfolder(coco_file: Any, scale: int = 1) -> Path:
    """A COCO file with one photo in a subfolder."""
    if not coco_file.content['images']:
        coco_file.add_image(3)
        coco_file.add_item(3, scale=scale)
        (coco_file.root / 'image' / 'a').mkdir()
        (coco_file.root / 'image' / '000003.jpg').rename(coco_file.root / 'image' / 'a' / '3.jpg')
        coco_file.content['images'][0]['file_name'] = 'a/3.jpg'
    coco_file.content['annotations'][0]['scale'] = scale
    file: Path = coco_file.root / 'val.json'
    file.write_text(json.dumps(coco_file.content))
    return file


def test_a_coco_file_that_is_saved_while_it_is_read(
    coco_file: Any, tmp_path: Path, logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _in_subfolder(coco_file)
    original = CocoReader.read

    def read(reader: CocoReader, problems: Any) -> Any:
        result = original(reader, problems)
        before = file.stat().st_mtime_ns
        _in_subfolder(coco_file, scale=2)
        os.utime(file, ns=(before, before + 1))
        return result

    with monkeypatch.context() as patch:
        patch.setattr(CocoReader, 'read', read)
        loaded = load_packed(find_source(file), cache=tmp_path / 'cache')
    assert (loaded.cache_file, loaded.packed.attributes[0, 0]) == (None, 1)
    assert logged[-1].endswith(f'{file} changed while it was read')
    again = load_packed(find_source(file), cache=tmp_path / 'cache')
    assert (again.from_cache, again.packed.attributes[0, 0]) == (False, 2)
    assert load_packed(find_source(file), cache=tmp_path / 'cache').from_cache


def test_many_sources_of_a_coco_file(
    coco_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coco_file.add_image(3)
    for number in range(300):
        coco_file.add_item(3, category_id=9, keypoints=[20, 30, 2] * 8, source=f'shop {number}')
    file = coco_file.root / 'val.json'
    file.write_text(json.dumps(coco_file.content))
    load_packed(find_source(file), cache=tmp_path / 'cache')
    cached = load_packed(find_source(file), cache=tmp_path / 'cache')
    assert cached.from_cache
    names = [cached.packed.source_names[n] for n in cached.packed.sources]
    assert names == [f'shop {number}' for number in range(300)]
    monkeypatch.setattr(records, 'MAX_SOURCES', 300)
    with pytest.raises(DatasetError, match=r'val\.json: source: more than 299 different texts'):
        load_packed(find_source(file), cache='off')
