# SPDX-License-Identifier: Apache-2.0
"""Long JSON lists in pieces: the same entries for any size of piece, faults that are located."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.json_entries import EntryReader, first_character, locate_fault

ODD = [  # text that looks like the gap between two entries, inside an entry
    {'score': 0.5, 'note': 'a}, {b', 'parts': [{'x': 1}, {'x': 2}]},
    {'score': 1, 'note': '\\"}, {"'},
    {'score': 2.5, 'extra': {'deep': [{}, {}]}},
    {'score': 3},
]


class Scored(msgspec.Struct):
    score: float


def written(folder: Path, content: str | bytes, name: str = 'results.json') -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def scores(path: Path, piece_bytes: int = 1000) -> list[float]:
    return [entry.score for entry in EntryReader(path, Scored, 'results', piece_bytes)]


@pytest.mark.parametrize('indent', [None, 2])
@pytest.mark.parametrize('packed', [False, True])
def test_any_size_of_piece_gives_the_same_entries(
    tmp_path: Path, indent: int | None, packed: bool
) -> None:
    text = json.dumps(ODD, indent=indent).encode()
    name = 'results.json.gz' if packed else 'results.json'
    path = written(tmp_path, gzip.compress(text) if packed else text, name)
    for piece_bytes in (1, 2, 3, 10, 40, 1000):
        assert scores(path, piece_bytes) == [0.5, 1, 2.5, 3], piece_bytes


def test_many_plain_entries_in_small_pieces(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps([{'score': number} for number in range(200)]))
    assert scores(path, 50) == list(range(200))


@pytest.mark.parametrize('text', ['[]', ' [ ] \n', '\ufeff[]'])
def test_an_empty_list_has_no_entries(tmp_path: Path, text: str) -> None:
    assert scores(written(tmp_path, text)) == []


@pytest.mark.parametrize('piece_bytes', [8, 1000])
@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', r'results\.json: the file is empty\. Fix: '),
        ('7', r"results\.json: b'7' first, but results are a JSON list"),
        ('[{"score": 1}, {"score": NaN}]', r'\[1\]\.score: NaN is not a number\. Fix: leave'),
        ('[{"score": 1}, {"score": -Infinity}]', r'\[1\]\.score: -Infinity is not a number'),
        ('[{"score": 1}, {"score": null}]', r'\[1\]\.score: Expected `float`, got `null`\. Fix: '),
        ('[{"score": 1}, {"score": 2}, {"skore": 2}]', r'\[2\]: Object missing .*`score`\. Fix: '),
        ('[{"score": 1}, {"score": 1e999}]', r'\[1\]\.score: Number out of range\. Fix: '),
        ('[{"score": 1}, {"score": 2}, {"sco', r'\[2\]: the file is cut off inside this entry\. F'),
        ('[{"score": 1}, {"score": 2', r'\[1\]\.score: the file is cut off inside this entry'),
        ('[{"score": 1}, {"score" 2}]', r'\[1\]: JSON is malformed'),
        ('[{"score": 1}, 3]', r'\[1\]: Expected `object`, got `int`'),
        ('[{"score": 1}] [', r'JSON is malformed: trailing'),
    ],
)
def test_faults_are_located(tmp_path: Path, text: str, message: str, piece_bytes: int) -> None:
    path = written(tmp_path, text)
    with pytest.raises(EvaluationError, match=message):
        scores(path, piece_bytes)


def test_a_dict_is_named_with_its_keys(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps({'images': [], 'annotations': []}))
    message = r'a JSON object \(a dict\) with the keys images, annotations, .*are a JSON list\. Fix'
    with pytest.raises(EvaluationError, match=message):
        scores(path)


@pytest.mark.parametrize('kept', [30, -4])
def test_a_cut_or_false_gzip_file_is_named(tmp_path: Path, kept: int) -> None:
    whole = gzip.compress(json.dumps([{'score': n} for n in range(3000)]).encode())
    path = written(tmp_path, whole[:kept], 'results.json.gz')
    with pytest.raises(EvaluationError, match=r'results\.json\.gz: not a whole gzip file .*Fix: '):
        scores(path)
    with pytest.raises(EvaluationError, match='not a whole gzip file'):
        scores(written(tmp_path, '[]', 'results.json.gz'))


def test_only_a_piece_is_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, json.dumps([{'score': n, 'rest': [0] * 50} for n in range(300)]))
    longest = 0
    decode = EntryReader._whole_entries

    def measured(self: EntryReader[Any], text: bytes) -> Any:
        nonlocal longest
        longest = max(longest, len(text))
        return decode(self, text)

    monkeypatch.setattr(EntryReader, '_whole_entries', measured)
    assert len(scores(path, 1000)) == 300
    assert 500 < longest < 2000
    assert path.stat().st_size > 40_000


@pytest.mark.parametrize(('text', 'first'), [(' [1]', '['), ('\n{', '{'), ('', '')])
def test_the_first_character_tells_lists_from_objects(
    tmp_path: Path, text: str, first: str
) -> None:
    assert first_character(written(tmp_path, text)) == first
    assert first_character(written(tmp_path, gzip.compress(text.encode()), 'a.json.gz')) == first


def test_a_fault_in_front_of_the_second_entry() -> None:
    assert locate_fault(b'{"a": Infinity}, {"a": 1}]', 6)[:2] == (0, 'a')
