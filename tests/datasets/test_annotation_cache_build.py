# SPDX-License-Identifier: Apache-2.0
"""How the cache is made: once, whole, where it may be, and no trouble without it."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from deepmark.datasets import (
    Kind,
    annotation_build,
    annotation_cache,
    cache_file,
    fingerprint,
    native_reader,
)
from deepmark.datasets.annotation_cache import cache_places
from deepmark.datasets.annotation_source import AnnotationSource, find_source
from deepmark.datasets.load_packed import load_packed
from deepmark.schema import DEEPFASHION2

from .cached_annotations import assert_same, load, photo_opener, touch

pytestmark = pytest.mark.usefixtures('user_cache')


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


def test_only_changed_photos_are_opened_again(
    five: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(five, tmp_path / 'cache')
    opened = photo_opener(monkeypatch, native_reader)
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
    touch(five.annotation('000003'))
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
