# SPDX-License-Identifier: Apache-2.0
"""The cache as a user meets it: never stale, never half, made once, and no trouble without it."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepmark.datasets import (
    DatasetError,
    Kind,
    annotation_build,
    annotation_cache,
    cache_file,
    fingerprint,
    image_folder_reader,
    native_reader,
)
from deepmark.datasets.annotation_cache import cache_places
from deepmark.datasets.annotation_source import AnnotationSource, find_source
from deepmark.datasets.load_packed import LoadedAnnotations, load_packed
from deepmark.schema import DEEPFASHION2, Category, LandmarkSchema


@pytest.fixture(autouse=True)
def _user_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'user'))
    monkeypatch.delenv('DEEPMARK_CACHE', raising=False)


@pytest.fixture
def five(native_tree: Any) -> Any:
    """Five images with 1, 2, 0, 1 and 1 garments."""
    native_tree.add('000001', native_tree.item(1))
    native_tree.add('000002', native_tree.item(7), native_tree.item(11))
    native_tree.add('000003')
    native_tree.add('000004', native_tree.item(4), wh=(90, 75))
    native_tree.add('000005', native_tree.item(13))
    return native_tree


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotation_build, 'IMAGES_PER_PART', 2)


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, 'MANY_FILES', 1)
    monkeypatch.setattr(fingerprint, 'LARGE_FILE', 1)


def load(tree: Any, cache: str | Path, **arguments: Any) -> LoadedAnnotations:
    return load_packed(find_source(tree.annos), cache=cache, progress=False, **arguments)


def assert_same(found: LoadedAnnotations, expected: LoadedAnnotations) -> None:
    for name, array in expected.packed.arrays().items():
        np.testing.assert_array_equal(getattr(found.packed, name), array, name)
    assert found.packed.source_names == expected.packed.source_names
    assert found.problems.found == expected.problems.found
    np.testing.assert_array_equal(found.positions, expected.positions)
    places = [loaded.locate(n) for loaded in (found, expected) for n in range(len(found.positions))]
    assert places[: len(places) // 2] == places[len(places) // 2 :]


@pytest.mark.usefixtures('small_parts')
@pytest.mark.parametrize('workers', [1, 2])
def test_the_same_from_files_parts_and_cache(five: Any, tmp_path: Path, workers: int) -> None:
    five.edit('000004', bounding_box=[10, 20, 10, 60])
    plain = load(five, 'off', workers=1)
    assert plain.packed.annotation_ids.tolist() == [1, 2, 3, 5]
    assert plain.problems.counts() == {Kind.DEGENERATE_BOX: 1, Kind.NO_ITEM: 1}
    assert plain.locate(3) == (str(five.annotation('000005')), 'item1')
    built = load(five, tmp_path / 'cache', workers=workers)
    again = load(five, tmp_path / 'cache')
    assert (plain.cache_file, built.from_cache, again.from_cache) == (None, False, True)
    assert_same(built, plain)
    assert_same(again, plain)
    assert os.listdir(tmp_path / 'cache') == [again.cache_file.name]  # type: ignore[union-attr]


def _edit(tree: Any) -> None:
    tree.edit('000001', scale=3)


def _same_length(tree: Any) -> None:
    file = tree.annotation('000001')
    text = file.read_text()
    file.write_text(text.replace('"style": 4', '"style": 5'))
    assert file.read_text() != text
    assert len(file.read_text()) == len(text)


def _touch(path: Path) -> None:
    state = path.stat()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))


CHANGES: list[Callable[[Any], object]] = [
    _edit,
    _same_length,
    lambda tree: _touch(tree.annotation('000002')),
    lambda tree: _touch(tree.images / '000002.jpg'),
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


class Killed(BaseException):
    """As abrupt as a signal."""


@pytest.mark.usefixtures('small_parts')
def test_a_killed_run_goes_on_with_its_parts(
    five: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    original = native_reader.NativeReader.read_images
    killed = True

    def read_images(self: Any, names: list[str], *rest: Any) -> Any:
        if '000005.jpg' in names and killed:
            raise Killed
        read.extend(names)
        return original(self, names, *rest)

    monkeypatch.setattr(native_reader.NativeReader, 'read_images', read_images)
    with pytest.raises(Killed):
        load(five, tmp_path / 'cache', workers=1)
    (building,) = (tmp_path / 'cache').iterdir()
    assert building.name.endswith('.records.building')
    assert sorted(read) == ['000001.jpg', '000002.jpg', '000003.jpg', '000004.jpg']
    killed = False
    _touch(five.annotation('000003'))
    read.clear()
    loaded = load(five, tmp_path / 'cache', workers=1)
    assert sorted(read) == ['000003.jpg', '000004.jpg', '000005.jpg']
    assert_same(loaded, load(five, 'off'))
    assert [path.suffix for path in (tmp_path / 'cache').iterdir()] == ['.records']


def _full(*_: object) -> None:
    raise OSError(errno.ENOSPC, 'No space left on device')


@pytest.mark.usefixtures('small_parts')
@pytest.mark.parametrize('workers', [1, 2])
def test_a_full_disk_stops_nobody_and_spoils_nothing(
    five: Any, tmp_path: Path, logged: list[str], monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    place = load(five, tmp_path / 'cache').cache_file
    assert place is not None
    old = place.read_bytes()
    five.edit('000001', scale=3)
    with monkeypatch.context() as patch:
        patch.setattr(cache_file.os, 'fsync', _full)
        loaded = load(five, tmp_path / 'cache', workers=workers)
    assert loaded.cache_file is None
    assert_same(loaded, load(five, 'off'))
    assert 'No space left on device' in logged[-1]
    assert 'Fix: make room' in logged[-1]
    assert os.listdir(tmp_path / 'cache') == [place.name]
    assert place.read_bytes() == old


def test_where_it_is_kept(
    five: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_large: None
) -> None:
    beside = five.annos.parent / '.deepmark'
    assert load(five, 'auto').cache_file.parent == beside  # type: ignore[union-attr]
    assert load(five, 'auto').from_cache
    monkeypatch.setenv('DEEPMARK_CACHE', str(tmp_path / 'chosen'))
    loaded = load(five, 'auto')
    assert not loaded.from_cache
    assert loaded.cache_file.parent == tmp_path / 'chosen'  # type: ignore[union-attr]
    monkeypatch.setenv('DEEPMARK_CACHE', 'off')
    assert load(five, 'auto').cache_file is None
    assert not (tmp_path / 'user').exists()


@pytest.mark.usefixtures('all_large')
def test_a_read_only_data_folder(five: Any, tmp_path: Path, logged: list[str]) -> None:
    """A file stands where the folder would be: that stops root too."""
    (five.annos.parent / '.deepmark').touch()
    loaded = load(five, 'auto')
    assert loaded.cache_file.parent == tmp_path / 'user' / 'deepmark'  # type: ignore[union-attr]
    assert f'using {tmp_path / "user" / "deepmark"}' in logged[0]
    assert load(five, 'auto').from_cache
    (tmp_path / 'user' / 'deepmark').rename(tmp_path / 'user' / 'aside')
    (tmp_path / 'user' / 'deepmark').touch()
    without = load(five, 'auto')
    assert without.cache_file is None
    assert 'no cache' in logged[-1]
    assert_same(without, loaded)


def test_small_sources_leave_no_file(five: Any, coco_file: Any) -> None:
    coco_file.add_image(3)
    coco_file.add_item(3)
    five.dataset()
    coco_file.dataset()
    assert sorted(os.listdir(five.annos.parent)) == ['annos', 'image']
    assert sorted(os.listdir(coco_file.root)) == ['image', 'val.json']


def test_a_thousand_files_are_many(tmp_path: Path) -> None:
    for number in range(999):
        (tmp_path / f'{number}.json').touch()
    source = AnnotationSource(tmp_path, tmp_path, DEEPFASHION2)
    assert not fingerprint.is_large(source)
    (tmp_path / '999.json').touch()
    assert fingerprint.is_large(source)


def test_places_of_different_sources_differ(tmp_path: Path) -> None:
    one, other = tmp_path / 'a' / 'annos', tmp_path / 'b' / 'annos'
    sources = [
        AnnotationSource(folder.parent / image, folder, DEEPFASHION2, check)
        for folder in (one, other)
        for image in ('image', 'image2')
        for check in (True, False)
    ]
    assert len({cache_places(source, tmp_path)[0] for source in sources}) == 8
    beside = [cache_places(source, 'auto')[0] for source in sources]
    assert len(set(beside)) == 8
    assert beside[0].name == beside[4].name


def _photo_opener(monkeypatch: pytest.MonkeyPatch, module: Any) -> list[str]:
    opened: list[str] = []
    original = module.read_image_size

    def read_image_size(path: Path) -> tuple[int, int]:
        opened.append(path.name)
        size: tuple[int, int] = original(path)
        return size

    monkeypatch.setattr(module, 'read_image_size', read_image_size)
    return opened


def test_only_changed_photos_are_opened_again(
    five: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(five, tmp_path / 'cache')
    opened = _photo_opener(monkeypatch, native_reader)
    five.edit('000001', scale=3)
    five.add_image('000002', wh=(33, 44))
    five.add('000006', five.item())
    after = load(five, tmp_path / 'cache', on_problem='warn')
    assert sorted(opened) == ['000002.jpg', '000006.jpg']
    assert after.packed.image_wh.tolist() == [
        [80, 70],
        [33, 44],
        [80, 70],
        [90, 75],
        [80, 70],
        [80, 70],
    ]


def test_photos_without_annotations(
    five: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = AnnotationSource(five.images, None, DEEPFASHION2)
    opened = _photo_opener(monkeypatch, image_folder_reader)
    plain = load_packed(source, cache='off')
    assert not load_packed(source, cache=tmp_path / 'cache').from_cache
    assert len(opened) == 10
    cached = load_packed(source, cache=tmp_path / 'cache')
    assert cached.from_cache
    assert_same(cached, plain)
    _touch(five.images / '000004.jpg')
    assert not load_packed(source, cache=tmp_path / 'cache').from_cache
    assert opened[10:] == ['000004.jpg']


@pytest.mark.parametrize(
    'change',
    [
        lambda root: _touch(root / 'val.json'),
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


@pytest.mark.usefixtures('all_large')
def test_a_data_set_from_the_cache(five: Any, logged: list[str]) -> None:
    read = five.dataset()
    cached = five.dataset()
    place = five.annos.parent / '.deepmark'
    assert ', read in ' in logged[1]
    assert f', from the cache {place}' in logged[-1]
    for index in range(5):
        one, other = read.get_data_info(index), cached.get_data_info(index)
        assert str(one) == str(other)
    assert cached.problems.counts() == {Kind.NO_ITEM: 1}
    again = pickle.loads(pickle.dumps(cached))
    assert again.data_list.packed.origin == cached.data_list.packed.origin
    assert again.get_cat_ids(1) == [6, 10]
    polygons = five.dataset(with_polygons=True).get_data_info(0)['instances'][0]['mask']
    assert polygons[0] == [10, 20, 50, 20, 50, 60]
    assert five.dataset(cache='off').data_list.packed.origin is None


def _must_not_read(*_: object, **__: object) -> None:
    raise AssertionError('both have read the files')


def _load_second(annos: Path, cache: Path) -> bool:
    annotation_cache.build_annotations = _must_not_read  # type: ignore[assignment]
    return load_packed(find_source(annos), cache=cache).from_cache


@pytest.mark.skipif(sys.platform != 'linux', reason='forks, to share what is imported')
def test_a_source_is_read_by_one_process_at_a_time(five: Any, tmp_path: Path) -> None:
    """Who comes second waits, and then finds the cache."""
    source = find_source(five.annos)
    (place,) = cache_places(source, tmp_path / 'cache')
    annotations, key = annotation_build.build_annotations(source), fingerprint.fingerprint(source)
    with multiprocessing.get_context('fork').Pool(1) as pool:
        with annotation_cache._locked(place.with_name(f'{place.name}.building')):
            second = pool.apply_async(_load_second, [five.annos, tmp_path / 'cache'])
            second.wait(0.5)
            assert not second.ready()
            cache_file.write_annotations(place, key, annotations)
        assert second.get(60)


KILLED_WHILE_READING = """
import os, sys, time
from deepmark.datasets import annotation_build, native_reader
from deepmark.datasets.annotation_source import find_source
from deepmark.datasets.load_packed import load_packed

original = native_reader.NativeReader.read_images

def read_images(self, names, *rest):
    if '000003.jpg' in names:
        print(os.getpid(), flush=True)
        time.sleep(60)
    return original(self, names, *rest)

native_reader.NativeReader.read_images = read_images
annotation_build.IMAGES_PER_PART = 2
load_packed(find_source(sys.argv[1]), cache=sys.argv[2], workers=2)
"""


@pytest.mark.skipif(sys.platform != 'linux', reason='looks into /proc')
def test_after_a_kill_no_worker_is_left_and_nobody_waits_for_it(five: Any, tmp_path: Path) -> None:
    command = [sys.executable, '-c', KILLED_WHILE_READING, str(five.annos), str(tmp_path / 'cache')]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker = next(int(line) for line in process.stdout if line.strip().isdecimal())
        process.kill()
    for _ in range(100):
        if not Path(f'/proc/{worker}').exists():
            break
        time.sleep(0.1)
    assert not Path(f'/proc/{worker}').exists()
    assert_same(load(five, tmp_path / 'cache'), load(five, 'off'))
    assert [path.suffix for path in (tmp_path / 'cache').iterdir()] == ['.records']


def test_two_ranks_read_once_and_fail_together(five: Any, tmp_path: Path) -> None:
    (tmp_path / 'broken.json').write_text('{"images": [')
    command = [sys.executable, str(Path(__file__).with_name('loading_rank.py'))]
    ranks = [
        subprocess.Popen(
            [*command, str(rank), str(tmp_path), str(five.annos)], stdout=subprocess.PIPE, text=True
        )
        for rank in (0, 1)
    ]
    first, second = (
        json.loads(rank.communicate(timeout=120)[0].splitlines()[-1]) for rank in ranks
    )
    assert (first['files_read'], second['files_read']) == (5, 0)
    assert first['labels'] == second['labels'] == [[0], [6, 10], [], [3], [12]]
    assert 'broken.json: unreadable annotation file' in first['error']
    assert second['error'] == first['error']
    assert (first['garments_alone'], second['garments_alone']) == (5, None)
