# SPDX-License-Identifier: Apache-2.0
"""What leaves say about themselves becomes a table, and what they leave out an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deepmark.analysis import FamilyError, parse_leaf
from deepmark.analysis.family import family_rows, to_json, to_markdown, to_table

HOURGLASS = Path(__file__).resolve().parents[2] / 'configs' / 'deepmark_hg104_8xb37.py'
LEAF = '''# a comment
"""DeepMark in one line.

Free text. Rows: not a label.

Row: table 2, Hourglass,
    NMS only.
Paper: box AP .710 [printed],
landmark AP .512 | 76 ms.
Measured: not measured

Said after the labels.

    tools/dist_train.sh configs/deepmark_a.py 8
    tools/test.py configs/deepmark_a.py
"""

x = 1
'''


def write(folder: Path, text: str, name: str = 'deepmark_a.py') -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_labels_wrap_until_the_next_one_or_an_empty_line(tmp_path: Path) -> None:
    leaf = parse_leaf(write(tmp_path, LEAF))
    assert leaf.row == 'table 2, Hourglass, NMS only.'
    assert leaf.paper == 'box AP .710 [printed], landmark AP .512 | 76 ms.'
    assert leaf.measured == 'not measured'
    assert leaf.command == 'tools/dist_train.sh configs/deepmark_a.py 8'


@pytest.mark.parametrize('label', ['Row', 'Paper', 'Measured'])
def test_an_incomplete_leaf_is_an_error_that_names_file_and_label(
    tmp_path: Path, label: str
) -> None:
    without = write(tmp_path, LEAF.replace(f'\n{label}:', f'\nAbout {label}:'))
    with pytest.raises(FamilyError, match=rf'deepmark_a\.py: the label "{label}:" is missing'):
        parse_leaf(without)
    twice = write(tmp_path, LEAF.replace('Said after', f'{label}: again.\nSaid after'))
    with pytest.raises(FamilyError, match=rf'deepmark_a\.py: the label "{label}:" is given twice'):
        parse_leaf(twice)


def test_other_omissions_are_named(tmp_path: Path) -> None:
    with pytest.raises(FamilyError, match='the label "Measured:" has no text'):
        parse_leaf(write(tmp_path, LEAF.replace('Measured: not measured', 'Measured:')))
    with pytest.raises(FamilyError, match='no command line, indented by 4 spaces'):
        parse_leaf(write(tmp_path, LEAF.replace('    tools/', 'tools/')))
    with pytest.raises(FamilyError, match=r'deepmark_a\.py: the file has no docstring'):
        parse_leaf(write(tmp_path, 'x = 1\n'))
    with pytest.raises(FamilyError, match='there is no config'):
        family_rows([])


def test_an_ablation_names_what_it_changes(tmp_path: Path) -> None:
    text = LEAF.replace('Measured: not measured\n', 'Measured: not measured\nChanges: a.b,\nc\n')
    leaf = parse_leaf(write(tmp_path, text))
    assert (leaf.measured, leaf.changes) == ('not measured', 'a.b, c')
    plain = write(tmp_path, LEAF, 'deepmark_b.py')
    rows = family_rows([leaf.path, plain])
    assert [row['changes'] for row in rows] == ['a.b, c', '-']
    assert 'changes' not in family_rows([plain])[0]


def test_the_three_formats_hold_the_same_cells(tmp_path: Path) -> None:
    paths = [write(tmp_path, LEAF, f'deepmark_{name}.py') for name in 'ab']
    rows = family_rows(paths)
    assert [row['config'] for row in rows] == ['deepmark_a', 'deepmark_b']
    assert json.loads(to_json(rows)) == rows
    lines = to_markdown(rows).splitlines()
    assert lines[:2] == ['| config | row | paper | measured |', '|---|---|---|---|']
    assert lines[3].startswith('| deepmark_b | table 2, Hourglass, NMS only. | box AP .710 ')
    assert r'.512 \| 76 ms.' in lines[3]
    table = to_table(rows, width=160)
    assert 'box AP .710 [printed], landmark AP' in table
    assert max(map(len, table.splitlines())) <= 160


def test_complexity_at_the_input_size_of_the_leaf(tmp_path: Path) -> None:
    text = LEAF.replace('x = 1', f'_base_ = {str(HOURGLASS)!r}')
    (row,) = family_rows([write(tmp_path, text)], complexity=True)
    assert list(row.values())[-3:] == ['512 x 512', '195.2', '715.1']
