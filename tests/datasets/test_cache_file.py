# SPDX-License-Identifier: Apache-2.0
"""The file of checked annotations: what comes back, and what is refused."""

from __future__ import annotations

import errno
import multiprocessing
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepmark.datasets.cache_file import (
    CacheFileError,
    CheckedAnnotations,
    has_intact_arrays,
    open_annotations,
    read_header,
    write_annotations,
)
from deepmark.datasets.packing import ImageRow, ItemRow, read_result
from deepmark.datasets.problems import Kind, Problem
from deepmark.datasets.records import PackedRecords, RecordView


def checked(rows: list[ImageRow], **changes: Any) -> CheckedAnnotations:
    packed, positions = read_result(rows)
    stats = np.arange(2 * len(rows)).reshape(-1, 2)
    digests = np.arange(16, dtype=np.uint8)
    return CheckedAnnotations(packed, positions, stats, digests, num_read=9, **changes)


def garment(label: int = 3, source: str = 'shop', num_keypoints: int = 2) -> ItemRow:
    keypoints = np.arange(3 * num_keypoints, dtype=np.float32).reshape(-1, 3)
    polygon = np.array([[1, 2], [3, 4], [5, label]], np.float32)
    return ItemRow(
        label, (1, 2, 3, 4), keypoints, position=2, source=source, polygons=[polygon] * label
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / 'a.records'
    rows = [ImageRow('Käse.jpg', 7, 80, 70, [garment(1), garment(2)]), ImageRow('b.jpg', 8, 9, 9)]
    write_annotations(path, 'key', checked(rows))
    return path


def assert_equal(found: PackedRecords, expected: PackedRecords) -> None:
    assert found.source_names == expected.source_names
    for name, array in expected.arrays().items():
        np.testing.assert_array_equal(getattr(found, name), array, name)
        assert getattr(found, name).dtype == array.dtype, name


items = st.builds(
    garment, st.integers(0, 12), st.sampled_from(['', 'shop', 'Ä']), st.integers(0, 4)
)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(items, max_size=3), max_size=4))
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, images: list[list[ItemRow]]
) -> None:
    rows = [ImageRow(f'{n}.jpg', n, 5, 6, items) for n, items in enumerate(images)]
    path = tmp_path_factory.mktemp('cache') / 'a.records'
    problem = Problem(Kind.NO_ITEM, 'x', 'item1', 'missing')
    written = checked(rows, problems=(problem,), image_folders=('', 'b'))
    write_annotations(path, 'key', written)
    found = open_annotations(path, 'key')
    assert_equal(found.packed, written.packed)
    assert (found.problems, found.num_read, found.image_folders) == ((problem,), 9, ('', 'b'))
    np.testing.assert_array_equal(found.positions, written.positions)
    np.testing.assert_array_equal(found.image_stats, written.image_stats)
    np.testing.assert_array_equal(found.file_digests, written.file_digests)
    assert has_intact_arrays(path)


def test_arrays_are_views_of_the_file_that_nobody_can_write_to(file: Path) -> None:
    packed = open_annotations(file, 'key').packed
    for name, array in packed.arrays().items():
        assert not array.flags.owndata, name
        assert array.__array_interface__['data'][0] % 64 == 0 or not array.size, name
    with pytest.raises(ValueError, match='read-only'):
        packed.bboxes[0] = 0


def test_pickled_as_the_name_of_the_file(file: Path) -> None:
    packed = open_annotations(file, 'key').packed
    text = pickle.dumps(RecordView(packed, 'root'))
    assert len(text) < 1000
    again = pickle.loads(text)
    assert again[0]['img_path'] == 'root/Käse.jpg'
    assert not again.packed.bboxes.flags.owndata
    kept = packed.keep_items(np.array([False, True]))
    assert kept.origin is None
    assert_equal(pickle.loads(pickle.dumps(kept)), kept)


@pytest.mark.parametrize('method', ['fork', 'spawn'])
def test_other_processes_map_the_same_file(file: Path, method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f'no {method} on this system')
    view = RecordView(open_annotations(file, 'key').packed)
    with multiprocessing.get_context(method).Pool(1) as pool:
        # A function of the package: a spawned process may not be able to import this module. And
        # with a time limit: a pool waits for ever for a task that its worker could not read.
        assert pool.apply_async(RecordView.labels, [view, 0]).get(timeout=120) == [1, 2]


def test_a_file_replaced_meanwhile_is_not_taken_for_the_old_one(file: Path) -> None:
    packed = open_annotations(file, 'key').packed
    text = pickle.dumps(packed)
    write_annotations(file, 'other', checked([]))
    assert packed.file_name(0) == 'Käse.jpg'
    with pytest.raises(CacheFileError, match='another state of the annotations'):
        pickle.loads(text)


@pytest.mark.parametrize('length', [0, 5, 40, 200, -64, -1])
def test_a_file_that_was_cut_off_is_refused(file: Path, length: int) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:length])
    with pytest.raises(CacheFileError, match=r'a\.records: '):
        open_annotations(file, 'key')
    file.write_bytes(data)
    assert open_annotations(file, 'key').num_read == 9


@pytest.mark.parametrize('position', [0, 6, 9, 20, 60])
def test_a_damaged_header_is_refused(file: Path, position: int) -> None:
    data = bytearray(file.read_bytes())
    data[position] ^= 1
    file.write_bytes(data)
    with pytest.raises(CacheFileError, match=r'a\.records: '):
        read_header(file)


def test_a_damaged_array_is_found_on_request(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-64] ^= 1
    file.write_bytes(data)
    assert open_annotations(file, 'key').num_read == 9
    assert not has_intact_arrays(file)


def test_a_full_disk_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='No space left'):
        write_annotations(file, 'new', checked([]))
    assert open_annotations(file, 'key').num_read == 9
    assert [path.name for path in file.parent.iterdir()] == ['a.records']


def test_problems_name_the_folders_as_they_are_called_now(tmp_path: Path) -> None:
    path = tmp_path / 'a.records'
    problems = (
        Problem(Kind.MISSING_ANNOTATION, 'old/image/1.jpg', '', 'old/annos/1.json'),
        Problem(Kind.NO_ITEM, 'old/annos-more/1.json', 'item1', 'missing'),
    )
    write_annotations(path, 'key', checked([], problems=problems), ('old/image', 'old/annos'))
    same = open_annotations(path, 'key', ('old/image', 'old/annos')).problems
    moved = open_annotations(path, 'key', ('new/image', 'new/annos')).problems
    assert same == problems
    assert (moved[0].file, moved[0].detail) == ('new/image/1.jpg', 'new/annos/1.json')
    assert moved[1] == problems[1]
