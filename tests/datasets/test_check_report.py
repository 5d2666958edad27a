# SPDX-License-Identifier: Apache-2.0
"""The report as text and as JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from deepmark.datasets.annotation_source import find_source
from deepmark.datasets.check import CheckReport, check_source, print_report, write_report


@pytest.fixture
def report(native_tree: Any) -> CheckReport:
    """One image: a garment of an unknown category, and three whose style is absent."""
    bad = native_tree.item() | {'category_id': 14}
    strays = [
        native_tree.item(style=0, bounding_box=[9 - n, 20, 50, 60], landmarks=[12 + n, 30, 2] * 37)
        for n in range(3)
    ]
    native_tree.add('000001', bad, *strays)
    return check_source(find_source(native_tree.root / 'train'), progress=False)


def printed(report: CheckReport, max_listed: int) -> str:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    print_report(report, console, max_listed)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_text_lists_the_first_places_and_counts_the_others(report: CheckReport) -> None:
    text = printed(report, max_listed=2)
    file = report.findings[0].places[0].file
    assert f'  {file}: item1.category_id (' in text
    assert f'  {file}: item2.style\n  {file}: item3.style\n  ... and 1 more\n' in text
    assert 'item4.style' not in text
    assert 'errors (error 1, warning 0, info 3) in ' in text
    assert text.index('unknown category') < text.index('style absent or 0')
    assert 'long sleeve dress' in text
    assert 'item1' not in printed(report, max_listed=0)


def test_json_holds_everything(report: CheckReport, tmp_path: Path) -> None:
    path = tmp_path / 'out' / 'report.json'
    write_report(report, path)
    content = json.loads(path.read_text())
    assert content['passed'] is False
    assert content['counts'] == {'error': 1, 'warning': 0, 'info': 3}
    assert (content['layout'], content['schema']) == ('native', 'deepfashion2')
    assert content['opened_images'] is True
    first, second = content['findings']
    assert (first['kind'], first['severity'], first['count']) == ('unknown_category', 'error', 1)
    assert first['places'][0]['key'] == 'item1.category_id'
    assert first['fix'].startswith('correct the id')
    assert [place['key'] for place in second['places']] == [f'item{n}.style' for n in (2, 3, 4)]
    assert content['statistics']['items'] == 3
    assert {'deepmark', 'numpy', 'pillow', 'python'} == content['versions'].keys()
    assert content['seconds'] >= 0
    with pytest.raises(FileExistsError, match='--overwrite'):
        write_report(report, path)


def test_markup_in_file_names_is_printed_as_it_is(native_tree: Any, tmp_path: Path) -> None:
    native_tree.add('[red]x', native_tree.item(style=0))
    report = check_source(find_source(native_tree.root / 'train'), progress=False)
    assert '/[red]x.json: item1.style' in printed(report, 20)
