# SPDX-License-Identifier: Apache-2.0
"""Files are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepmark.atomic_write import atomic_path, atomic_write


def test_a_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'a.txt'
    with atomic_write(path) as file:
        file.write(b'whole')
        assert not path.exists()
    assert path.read_bytes() == b'whole'
    assert [p.name for p in path.parent.iterdir()] == ['a.txt']


def test_an_error_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / 'a.txt'
    path.write_text('old')

    def fail() -> None:
        with atomic_write(path, overwrite=True) as file:
            file.write(b'half')
            raise OSError('the disk is full')

    with pytest.raises(OSError, match='the disk is full'):
        fail()
    assert path.read_text() == 'old'
    assert [p.name for p in tmp_path.iterdir()] == ['a.txt']


def test_an_existing_file_needs_overwrite(tmp_path: Path) -> None:
    path = tmp_path / 'a.txt'
    path.write_text('old')
    with pytest.raises(FileExistsError, match=r'a\.txt exists already'), atomic_write(path):
        pass
    with atomic_write(path, overwrite=True) as file:
        file.write(b'new')
    assert path.read_text() == 'new'


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / 'a.mp4'

    def write() -> None:
        with atomic_path(path) as temporary:
            assert temporary.suffix == '.mp4'
            temporary.write_text('ours')
            path.write_text('theirs')

    with pytest.raises(FileExistsError):
        write()
    assert path.read_text() == 'theirs'
