# SPDX-License-Identifier: Apache-2.0
"""Every ablation changes exactly what its docstring names, trains a step and predicts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from deepmark.analysis.config_diff import ablation_problems, base_of, naming_problems
from deepmark.analysis.family import family_rows, parse_leaf, to_markdown
from deepmark.engine.errors import RunError

from .test_configs import CONFIGS, photo, shrink_inputs, train_and_test_once  # noqa: F401

ROOT = CONFIGS.parent
PAGE = ROOT / 'docs' / 'ablations.md'
LEAVES = sorted((CONFIGS / 'ablations').glob('*.py'))
NAMES = [path.name for path in LEAVES]
BASES = {'garments': 'deepmark_garments_128.py', 'dla34': 'deepmark_dla34_8xb5.py'}


@pytest.mark.parametrize('leaf', LEAVES, ids=NAMES)
def test_it_changes_what_it_says(leaf: Path) -> None:
    assert ablation_problems(leaf) == []
    assert base_of(leaf).resolve() == CONFIGS / BASES[leaf.name.split('_')[0]]


@pytest.mark.parametrize('leaf', LEAVES, ids=NAMES)
def test_it_is_short_and_says_what_it_is(leaf: Path) -> None:
    text = leaf.read_text()
    assert len(text.splitlines()) <= 15
    assert max(map(len, text.splitlines())) <= 100
    said = parse_leaf(leaf)
    assert 'not measured' in said.measured or 'docs/results.md' in said.measured
    assert f'configs/ablations/{leaf.name}' in said.command
    # What differs only in testing has a command that needs a checkpoint.
    tested_only = re.fullmatch(r'(model\.test_cfg|test_dataloader)\S*', said.changes) is not None
    assert ('CHECKPOINT' in said.command) == tested_only


@pytest.mark.parametrize('leaf', LEAVES, ids=NAMES)
def test_one_training_and_one_test_step(leaf: Path, photo: dict[str, Any]) -> None:  # noqa: F811
    init_default_scope('mmdet')
    cfg = Config.fromfile(leaf)
    shrink_inputs(cfg, 96)
    assert train_and_test_once(cfg, photo) == 2


def test_what_was_asked_for_is_there() -> None:
    """So that the glob above cannot come back empty."""
    switches = ('refinement', 'offsets', 'flip', 'nms')
    weights = ('focal_alpha1', 'focal_beta2', 'box_weight', 'coarse_weight')
    parts = ('dafe', 'dafe_channel', 'dafe_spatial', 'dafe_no_attention', 'grouped')
    others = ('original_radius', 'test_flip', 'hard_nms', '2scales', '96px', 'half_width')
    names = (*(f'no_{name}' for name in switches), *weights, *parts, *others)
    assert {f'garments_{name}.py' for name in names} <= set(NAMES)
    assert 'dla34_half_width.py' in NAMES


@pytest.mark.parametrize('name', [name for name in NAMES if name.endswith('_no_flip.py')])
def test_without_flips_no_step_mirrors(name: str) -> None:
    """And the base has one, which is all that differs."""
    leaf = CONFIGS / 'ablations' / name
    steps, base = (
        Config.fromfile(path).train_dataloader.dataset.pipeline for path in (leaf, base_of(leaf))
    )
    assert not [step for step in steps if 'Flip' in step.type]
    assert len(steps) == len(base) - 1


def test_the_page_lists_them() -> None:
    page = PAGE.read_text(encoding='utf-8')
    for prefix in BASES:
        leaves = [leaf for leaf in LEAVES if leaf.name.startswith(prefix)]
        assert to_markdown(family_rows(leaves)) in page
    for name in re.findall(r'(?<!tests/)configs/((?:ablations/)?\w+\.py)', page):
        assert name == 'ablations/garments_wide_head.py' or (CONFIGS / name).is_file(), name


def test_what_the_page_says_of_other_leaves() -> None:
    rows = re.findall(
        r'^\| (deepmark_\w+) \| (deepmark_\w+) \| (.+) \|$', PAGE.read_text(), re.MULTILINE
    )
    assert len(rows) > 15
    wrong = {}
    for leaf, base, names in rows:
        problems = naming_problems(CONFIGS / f'{base}.py', CONFIGS / f'{leaf}.py', names)
        if problems:
            wrong[leaf] = problems
    assert wrong == {}


class TestInventedLeaves:
    """A base and leaves that keep and break the rule."""

    BASE = """
model = dict(head=dict(width=8, bias=1.0), test_cfg=dict(refine=True))
steps = [dict(type='Load'), dict(type='Flip', prob=0.5)]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=steps))
"""

    def problems(self, tmp_path: Path, changes: str, body: str) -> list[str]:
        (tmp_path / 'base.py').write_text(self.BASE)
        leaf = tmp_path / 'leaf.py'
        leaf.write_text(
            f'"""A leaf.\n\nRow: none\nPaper: -\nMeasured: not measured\nChanges: {changes}\n\n'
            f'    tools/train.py leaf.py\n"""\n_base_ = "base.py"\n{body}\n'
        )
        return ablation_problems(leaf)

    def test_exact(self, tmp_path: Path) -> None:
        body = 'model = dict(test_cfg=dict(refine=False))'
        assert self.problems(tmp_path, 'model.test_cfg.refine', body) == []

    def test_a_key_covers_what_lies_below_it(self, tmp_path: Path) -> None:
        body = 'model = dict(head=dict(width=4, bias=0.0))'
        assert self.problems(tmp_path, 'model.head', body) == []
        assert self.problems(tmp_path, 'model.head.width, model.head.bias', body) == []

    @pytest.mark.parametrize('body', ['', 'model = dict(head=dict(width=8))', 'my_list = [1]'])
    def test_it_changes_nothing(self, tmp_path: Path, body: str) -> None:
        assert self.problems(tmp_path, 'model.head.width', body) == ['it changes nothing']

    def test_it_changes_more_than_it_says(self, tmp_path: Path) -> None:
        body = 'model = dict(head=dict(width=4), test_cfg=dict(refine=False))\nload_from = "x.pth"'
        assert self.problems(tmp_path, 'model.head.width', body) == [
            'model.test_cfg.refine differs and is not named',
            'load_from differs and is not named',
        ]

    def test_it_says_more_than_it_changes(self, tmp_path: Path) -> None:
        body = 'model = dict(head=dict(width=4))'
        assert self.problems(tmp_path, 'model.head.width, model.test_cfg', body) == [
            'model.test_cfg is named and does not differ'
        ]
        assert self.problems(tmp_path, 'model', body) == [
            'model is named, only model.head.width differs'
        ]
        # 'model.head.wid' is no key above 'model.head.width'.
        assert self.problems(tmp_path, 'model.head.wid', body) == [
            'model.head.width differs and is not named',
            'model.head.wid is named and does not differ',
        ]

    def test_lists_are_named_whole(self, tmp_path: Path) -> None:
        body = (
            'train_dataloader = dict(dataset=dict(pipeline=[_base_.steps[0], '
            "dict(type='Flip', prob=0.1)]))"
        )
        for name in ('train_dataloader.dataset.pipeline', 'train_dataloader'):
            assert self.problems(tmp_path, name, body) == []

    def test_names_of_its_own_do_not_count(self, tmp_path: Path) -> None:
        body = 'narrow = dict(width=4)\nsteps = []\nmodel = dict(head=narrow)'
        assert self.problems(tmp_path, 'model.head.width', body) == []

    def test_it_inherits_one_config(self, tmp_path: Path) -> None:
        leaf = tmp_path / 'orphan.py'
        leaf.write_text('model = dict()\n')
        with pytest.raises(RunError, match=r'orphan\.py: an ablation inherits one config'):
            ablation_problems(leaf)
