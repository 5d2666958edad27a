# SPDX-License-Identifier: Apache-2.0
"""A truth file whose names contradict its ids is no truth about these categories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.json_layout import read_truth
from deepmark.evaluation.truth_source import load_truth
from deepmark.schema import DEEPFASHION2, get_schema


def truth(folder: Path, *categories: object, category_id: int = 9) -> Path:
    annotation = {'image_id': 4, 'category_id': category_id, 'bbox': [0, 0, 9, 9]}
    content = {'images': [{'id': 4}], 'annotations': [annotation], 'categories': categories}
    (folder / 'truth.json').write_text(json.dumps(content))
    return folder / 'truth.json'


@pytest.mark.parametrize(
    'categories',
    [
        [],
        [{'id': c.category_id, 'name': c.name} for c in DEEPFASHION2.categories],
        [{'id': c.category_id, 'name': c.aliases[0]} for c in DEEPFASHION2.categories if c.aliases],
        [{'id': 1, 'name': 'Short-Sleeve_Top'}],
        [
            {'id': 1},
            {'name': 'skirt'},
            {'id': None, 'name': 'skirt'},
            {'id': 9, 'name': 5},
            'skirt',
        ],
        [{'id': 99, 'name': 'hat'}],
        [{'id': 9, 'name': '9'}],
    ],
)
def test_names_aliases_and_entries_that_say_nothing(tmp_path: Path, categories: list[Any]) -> None:
    assert load_truth(truth(tmp_path, *categories), DEEPFASHION2).rows.labels.tolist() == [8]


def test_there_are_aliases_to_accept() -> None:
    assert DEEPFASHION2.categories[0].aliases == ('short_sleeved_shirt',)


@pytest.mark.parametrize('name', ['trousers', 'hat', 'short_sleeved_shirt', '8'])
def test_another_name_is_an_error_that_says_what_to_do(tmp_path: Path, name: str) -> None:
    path = truth(tmp_path, {'id': 8, 'name': 'trousers'}, {'id': 9, 'name': name})
    with pytest.raises(EvaluationError) as error:
        load_truth(path, DEEPFASHION2)
    message = str(error.value)
    assert message.startswith(f"{path}: categories[1]: id 9 is called '{name}', but in schema")
    assert "'deepfashion2' it is 'skirt'. Fix: give the schema of the file (--schema)" in message


def test_a_users_schema_names_its_own_aliases(tmp_path: Path) -> None:
    kite: dict[str, Any] = {'id': 9, 'name': 'kite', 'num_keypoints': 4, 'sigmas': 0.1}
    path = truth(tmp_path, {'id': 9, 'name': 'Drachen'})
    with pytest.raises(EvaluationError, match=r"id 9 is called 'Drachen'.*'toys' it is 'kite'"):
        read_truth(path, get_schema({'name': 'toys', 'categories': [kite]}))
    known = get_schema({'name': 'toys', 'categories': [{**kite, 'aliases': ['drachen']}]})
    assert read_truth(path, known).rows.labels.tolist() == [0]
