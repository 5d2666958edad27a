# SPDX-License-Identifier: Apache-2.0
"""A report's folder is whole or not there, and nothing of anybody else is lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from deepmark.analysis.report.report_data import MADE_BY
from deepmark.analysis.report.report_folder import JSON_NAME, report_folder


def write_report(target: Path, text: str, overwrite: bool = False) -> None:
    with report_folder(target, overwrite) as folder:
        (folder / 'report.html').write_text(text)
        content = {'made_by': MADE_BY, 'files': [JSON_NAME, 'report.html']}
        (folder / JSON_NAME).write_text(json.dumps(content))


def test_an_earlier_report_is_replaced_only_when_asked(tmp_path: Path) -> None:
    target = tmp_path / 'deep' / 'report'
    write_report(target, 'first')
    with pytest.raises(FileExistsError, match=r'report exists already\. Fix: --overwrite'):
        write_report(target, 'second')
    assert (target / 'report.html').read_text() == 'first'
    write_report(target, 'second', overwrite=True)
    assert (target / 'report.html').read_text() == 'second'
    assert [entry.name for entry in target.parent.iterdir()] == ['report']


def test_an_error_leaves_the_earlier_report(tmp_path: Path) -> None:
    target = tmp_path / 'report'
    write_report(target, 'first')
    with pytest.raises(OSError, match='disk full'):
        _write_half(target)
    assert (target / 'report.html').read_text() == 'first'
    assert [entry.name for entry in tmp_path.iterdir()] == ['report']


def test_a_move_that_fails_brings_the_earlier_report_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / 'report'
    write_report(target, 'first')
    move = os.replace

    def fail_for_new(source: Path, place: Path) -> None:
        if source.name == 'new':
            raise OSError('no space left')
        move(source, place)

    monkeypatch.setattr(os, 'replace', fail_for_new)
    with pytest.raises(OSError, match='no space left'):
        write_report(target, 'second', overwrite=True)
    assert (target / 'report.html').read_text() == 'first'


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / 'report').mkdir()
    write_report(tmp_path / 'report', 'first', overwrite=True)
    assert (tmp_path / 'report' / 'report.html').read_text() == 'first'


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('thesis.tex', 'years of work', 'it holds no report.json of an earlier report'),
        (JSON_NAME, '{"made_by": "somebody"}', 'it holds no report.json of an earlier report'),
        (JSON_NAME, '[not json', 'it holds no report.json of an earlier report'),
    ],
)
def test_a_foreign_folder_is_never_replaced(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    target = tmp_path / 'report'
    target.mkdir()
    (target / name).write_text(text)
    with pytest.raises(FileExistsError, match=message):
        write_report(target, 'new', overwrite=True)
    assert (target / name).read_text() == text


def test_a_report_with_a_foreign_file_in_it_is_kept(tmp_path: Path) -> None:
    target = tmp_path / 'report'
    write_report(target, 'first')
    (target / 'notes.txt').write_text('mine')
    with pytest.raises(FileExistsError, match=r'it also holds notes\.txt'):
        write_report(target, 'second', overwrite=True)
    assert (target / 'notes.txt').read_text() == 'mine'


def test_a_file_or_a_link_in_its_place_is_kept(tmp_path: Path) -> None:
    target = tmp_path / 'report'
    target.write_text('a file')
    with pytest.raises(FileExistsError, match='it is no folder'):
        write_report(target, 'new', overwrite=True)
    target.unlink()
    target.symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(FileExistsError, match='it is no folder'):
        write_report(target, 'new', overwrite=True)
    assert target.is_symlink()


def _write_half(target: Path) -> None:
    with report_folder(target, overwrite=True) as folder:
        (folder / 'report.html').write_text('half')
        raise OSError('disk full')
