# SPDX-License-Identifier: Apache-2.0
"""Tables and CSV of a comparison, compared as text with numbers worked out by hand."""

from __future__ import annotations

import csv
import io
import math

import pytest

from deepmark.comparison.report.cells import Spread, figure_cell, fixed, seeds_cell, spread
from deepmark.comparison.report.csv_rows import to_csv
from deepmark.comparison.report.tables import (
    category_rows,
    main_rows,
    model_rows,
    slice_rows,
    unfinished_rows,
)
from deepmark.comparison.report.text import budget_text, commit_text, markdown_page
from deepmark.comparison.results import Budget, Model, Run

from .invented_results import finished_run, invented_models, invented_results


def test_main_table() -> None:
    page = markdown_page(invented_results())
    table = [line for line in page.split('\n\n')[1].splitlines() if line.startswith('|')]
    # ours: (.25 + .5) / 2 = .375, (.125 + .375) / 2 = .25, (.2 + .4) / 2 = .3; 1.8e9 = 1.80 G
    assert table[2:] == [
        '| `ours` | one-shot | 0.375 (0.250–0.500) | 0.250 (0.125–0.375) | 0.300 (0.200–0.400) '
        '| 4.01 | 1.80 | 25.0 (24.0–30.0) | 1,234 | 4.5 (4.0–5.0) | 8,050 (8,000–8,100) | 0, 1 |',
        '| `boxes` | boxes | 0.500 | - | - '
        '| 41.0 | not measured | 80.0 | not measured | 4.0 | 8,000 | 0 |',
        '| `topdown` | top-down, true boxes | - | 0.750 | 0.875 '
        '| not measured | not measured | not measured | not measured | 4.0 | 8,000 | 0 |',
        '| `broken` | one-shot | failed | failed | failed | not measured | not measured '
        '| not measured | not measured | failed | failed | failed: 0; interrupted: 1; not run: 2 |',
        '| `waiting` | unknown | not run | not run | not run | not measured | not measured '
        '| not measured | not measured | not run | not run | none |',
    ]
    assert table[0].startswith('| model | kind | box AP | landmark AP, visible + occluded |')
    assert table[1] == '|---|---|' + '---:|' * 9 + '---|'


def test_categories_and_slices_show_what_there_is() -> None:
    models = invented_models()
    assert category_rows(models, 'bbox_AP') == [
        {'model': '`ours`', 'shorts': '0.375', 'skirt': '0.125'},
        {'model': '`boxes`', 'shorts': '0.500', 'skirt': '-'},
    ]
    assert category_rows(models, 'keypoints_AP') == [
        {'model': '`ours`', 'shorts': '0.250'},
        {'model': '`topdown`', 'shorts': '0.250'},
    ]
    assert category_rows(models[3:], 'bbox_AP') == []
    # (.25 / 2 + .5 / 2) / 2 = .1875
    assert slice_rows(models, 'bbox_AP') == [
        {'model': '`ours`', 'scale: small': '0.188'},
        {'model': '`boxes`', 'scale: small': 'not measured'},
    ]
    assert slice_rows(models, 'keypoints_AP')[0] == {'model': '`ours`', 'occlusion: heavy': '-'}
    assert slice_rows(models, 'keypoints_visible_AP') == []
    page = markdown_page(invented_results())
    assert '## Landmark AP, visible only by difficulty\n\nNot measured.\n' in page


def test_level_names_with_spaces() -> None:
    run = Run(0, 'finished', figures={'keypoints_AP_viewpoint_side_or_back': 0.5})
    rows = slice_rows([Model('a', 'a.py', runs=[run])], 'keypoints_AP')
    assert rows == [{'model': '`a`', 'viewpoint: side or back': '0.500'}]


def test_unfinished_runs_with_their_error() -> None:
    assert unfinished_rows(invented_models()) == [
        {
            'model': '`broken`',
            'seed': '0',
            'status': 'failed',
            'error': "`RuntimeError: 'x' | y at line 3`",
        },
        {'model': '`broken`', 'seed': '1', 'status': 'interrupted', 'error': '-'},
        {'model': '`broken`', 'seed': '2', 'status': 'not run', 'error': '-'},
    ]
    page = markdown_page(invented_results())
    assert "| `broken` | 0 | failed | `RuntimeError: 'x' \\| y at line 3` |" in page
    assert 'did not finish' not in markdown_page(invented_results(invented_models()[:3]))


def test_models_and_how_it_was_measured() -> None:
    assert model_rows(invented_models())[1] == {
        'model': '`boxes`',
        'what it is': 'A | detector.',
        'config': '`configs/boxes.py`',
        'notes': 'FLOPs: an operation\nis unknown.',
    }
    page = markdown_page(invented_results())
    assert '| A \\| detector. | `configs/boxes.py` | FLOPs: an operation is unknown. |' in page
    assert page.endswith(
        '- command: `python tools/compare.py configs/ours.py --seeds 2`\n'
        '- commit: `0123abc` with local changes\n'
        '- machine: Invented CPU, 2 cores, no GPU\n'
        '- packages: Python 3.11.4, torch 2.14.1, mmdet 3.5.1\n'
        '- budget of each training: 4 minutes of training steps\n'
        '- data: garments\n'
        '- data, train: `{"count": 2000, "seed": 0}`\n'
    )
    assert commit_text(None) == 'not known (run outside a repository)'
    assert commit_text('0123abc') == '`0123abc`'
    assert commit_text('0123abc, 4567def+') == '`0123abc`, `4567def` with local changes'
    assert budget_text(Budget(minutes=2.5, epochs=1)) == (
        '2.5 minutes of training steps, at most 1 epoch'
    )


def test_failed_seed_beside_finished_ones() -> None:
    model = Model('a', 'a.py', runs=[finished_run(0, 0.5, 0.2, 0.3), Run(1, 'failed')])
    assert figure_cell(model, 'bbox_AP') == '0.500'
    assert seeds_cell(model) == '0; failed: 1'


def test_given_weights_are_not_trained() -> None:
    (row,) = main_rows([Model('a', 'a.py', runs=[Run(0, 'finished', figures={'bbox_AP': 0.5})])])
    assert (row['training minutes'], row['images seen']) == ('not trained', 'not trained')
    assert (row['box AP'], row['landmark AP, visible only']) == ('0.500', 'not measured')


@pytest.mark.parametrize('value', [-1.0, math.nan])
def test_no_truth_is_no_figure(value: float) -> None:
    model = Model('a', 'a.py', runs=[Run(0, 'finished', figures={'bbox_AP': value})])
    assert figure_cell(model, 'bbox_AP') == '-'


def test_rounding_does_not_hang_on_last_bits() -> None:
    # .1 + .2 is .30000000000000004; .0005 rounds to even, its neighbour from above must as well.
    assert fixed(0.0005, 3) == fixed(0.0005 + 1e-18, 3) == fixed(0.0005 + 1e-13, 3)
    assert fixed(1234.56, 1) == '1,234.6'
    assert spread([None, 0.5, math.inf]) == Spread(0.5, 0.5, 0.5, (0.5,))
    assert spread([None]) is None


def test_no_models_yet() -> None:
    page = markdown_page(invented_results([]))
    assert 'No model.' in page
    assert to_csv([]).startswith('model,config,kind,true_boxes,seed,status,error,train_minutes,')


def test_csv_has_one_row_a_run_with_all_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(invented_models()))))
    assert [(row['model'], row['seed'], row['status']) for row in rows] == [
        ('ours', '0', 'finished'),
        ('ours', '1', 'finished'),
        ('boxes', '0', 'finished'),
        ('topdown', '0', 'finished'),
        ('broken', '0', 'failed'),
        ('broken', '1', 'interrupted'),
        ('broken', '2', 'not run'),
        ('waiting', '', 'not run'),
    ]
    assert {
        'train_minutes': '5.0',
        'images_seen': '8100',
        'parameters': '4012345',
        'flops': '1800000000',
        'ms_median': '25.04',
        'input_width': '128',
        'peak_memory_mib': '1234.5',
        'bbox_AP': '0.5',
        'keypoints_AP_occlusion_heavy': '-1.0',
        'bbox_AP/shorts': '0.5',
        'bbox_AP/skirt': '0.125',
    }.items() <= rows[1].items()
    assert rows[2]['keypoints_AP'] == rows[2]['flops'] == ''
    assert rows[4]['error'] == 'RuntimeError: `x` | y\n  at line 3'
