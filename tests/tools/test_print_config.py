# SPDX-License-Identifier: Apache-2.0
"""tools/print_config.py as a user starts it."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from deepmark.analysis.config_diff import ABSENT, changes_between

from .conftest import RunScript
from .toy_runs import TOOLS

TOOL = TOOLS / 'print_config.py'
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A config and its child, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a.py').write_text(
        "model = dict(type='Net', width=8)\nsteps = [dict(type='Load'), dict(type='Flip', p=0.5)]\n"
        'train_dataloader = dict(dataset=dict(pipeline=steps))\n'
    )
    (tmp_path / 'b.py').write_text(
        "_base_ = 'a.py'\nmodel = dict(width=4)\nload_from = 'x.pth'\n"
        'steps = [_base_.steps[0], {**_base_.steps[1], "p": 0.1}]\n'
        'train_dataloader = dict(dataset=dict(pipeline=steps))\n'
    )
    return 'a.py', 'b.py'


class TestOneConfig:
    def test_the_merged_config_can_be_read_again(
        self, two: tuple[str, str], run_script: RunScript, tmp_path: Path
    ) -> None:
        out = tmp_path / 'merged.py'
        assert run_script(TOOL, 'b.py', '--cfg-options', 'model.width=2', '--out', out) == 0
        merged = Config.fromfile(out)
        assert merged.model == {'type': 'Net', 'width': 2}
        assert merged.load_from == 'x.pth'
        assert '_base_' not in out.read_text()

    def test_on_the_screen(
        self, two: tuple[str, str], run_script: RunScript, capsys: Printed
    ) -> None:
        assert run_script(TOOL, 'b.py') == 0
        assert "model = dict(type='Net', width=4)" in capsys.readouterr().out

    def test_no_file_is_replaced_unasked(
        self, two: tuple[str, str], run_script: RunScript, capsys: Printed
    ) -> None:
        Path('merged.py').write_text('mine')
        assert run_script(TOOL, 'b.py', '--out', 'merged.py') == 1
        assert 'merged.py exists already' in capsys.readouterr().err
        assert Path('merged.py').read_text() == 'mine'
        assert run_script(TOOL, 'b.py', '--out', 'merged.py', '--overwrite') == 0

    def test_a_config_of_a_host_by_its_name(self, run_script: RunScript, capsys: Printed) -> None:
        assert run_script(TOOL, 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py') == 0
        assert "type='FCOS'" in capsys.readouterr().out


class TestDifference:
    def test_text_and_keys(
        self, two: tuple[str, str], run_script: RunScript, capsys: Printed
    ) -> None:
        assert run_script(TOOL, '--diff', *two) == 0
        printed = capsys.readouterr().out
        assert "-model = dict(type='Net', width=8)\n" in printed
        assert "+model = dict(type='Net', width=4)\n" in printed
        assert 'a.py -> b.py\n' in printed
        rows = [line for line in printed.splitlines() if line.startswith('│')]
        assert [[cell.strip() for cell in row.strip('│').split('│')] for row in rows] == [
            ['model.width', '8', '4'],
            ['train_dataloader.dataset.pipeline.1.p', '0.5', '0.1'],
            ['load_from', '(absent)', "'x.pth'"],
            ['steps.1.p *', '0.5', '0.1'],
        ]
        assert '* read by other lines of configs only' in printed

    @pytest.mark.parametrize(('show', 'has_text'), [('text', True), ('keys', False)])
    def test_one_of_them(
        self,
        show: str,
        has_text: bool,
        two: tuple[str, str],
        run_script: RunScript,
        capsys: Printed,
    ) -> None:
        assert run_script(TOOL, '--diff', *two, '--format', show) == 0
        printed = capsys.readouterr().out
        assert ('+model = dict' in printed) is has_text
        assert ('│ model.width' in printed) is not has_text

    def test_long_lines_of_the_text_stay_whole(
        self, two: tuple[str, str], run_script: RunScript, capsys: Printed
    ) -> None:
        name = 'checkpoints/' + 90 * 'x'
        options = ('--cfg-options', f'load_from={name}')
        assert run_script(TOOL, '--diff', 'b.py', 'b.py', '--format', 'text', *options) == 0
        assert f"+load_from = '{name}'\n" in capsys.readouterr().out

    def test_exit_codes(self, two: tuple[str, str], run_script: RunScript, capsys: Printed) -> None:
        assert run_script(TOOL, '--diff', 'a.py', 'a.py', '--exit-code') == 0
        assert capsys.readouterr().out.splitlines()[-1] == 'no difference'
        assert run_script(TOOL, '--diff', *two, '--exit-code') == 1
        assert run_script(TOOL, '--diff', 'a.py', 'nothing.py', '--exit-code') == 2
        assert run_script(TOOL, '--diff', 'a.py', 'nothing.py') == 1

    def test_options_are_laid_over_the_second(
        self, two: tuple[str, str], run_script: RunScript, capsys: Printed
    ) -> None:
        options = ('--cfg-options', 'model.width=2')
        assert run_script(TOOL, '--diff', 'a.py', 'a.py', '--format', 'keys', *options) == 0
        row = next(line for line in capsys.readouterr().out.splitlines() if 'model.width' in line)
        assert row.split() == ['│', 'model.width', '│', '8', '│', '2', '│']


class TestErrors:
    def message(self, run_script: RunScript, capsys: Printed, *arguments: str) -> str:
        assert run_script(TOOL, *arguments) == 1
        return capsys.readouterr().err.splitlines()[-1]

    def test_absent(self, two: tuple[str, str], run_script: RunScript, capsys: Printed) -> None:
        message = self.message(run_script, capsys, '--diff', 'a.py', 'nothing.py')
        assert 'nothing.py: there is no such config file' in message
        message = self.message(run_script, capsys, 'mmdet::fcos/nothing.py')
        assert message.startswith('error: mmdet::fcos/nothing.py: ')

    @pytest.mark.parametrize(
        ('text', 'expected'),
        [
            ('x = 1\nmodel = dict(\n', r"SyntaxError: '(' was never closed (in {}, line 2)"),
            (
                'x = 1\nmodel = no_name\n',
                "NameError: name 'no_name' is not defined (in {}, line 2)",
            ),
        ],
    )
    def test_an_error_in_a_base_names_both_files(
        self,
        text: str,
        expected: str,
        two: tuple[str, str],
        run_script: RunScript,
        capsys: Printed,
    ) -> None:
        Path('a.py').write_text(text)
        broken = Path('a.py').resolve()
        assert self.message(run_script, capsys, 'b.py') == f'error: b.py: {expected.format(broken)}'

    def test_an_absent_base(
        self, two: tuple[str, str], run_script: RunScript, capsys: Printed
    ) -> None:
        Path('a.py').unlink()
        message = self.message(run_script, capsys, 'b.py')
        assert message.startswith('error: b.py: FileNotFoundError: ')
        assert 'a.py' in message

    def test_options_that_do_not_fit(
        self, two: tuple[str, str], run_script: RunScript, capsys: Printed
    ) -> None:
        message = self.message(
            run_script, capsys, 'a.py', '--cfg-options', 'train_dataloader.dataset.pipeline.7.p=1'
        )
        assert message.startswith('error: a.py: --cfg-options do not fit: ')


class TestChangesBetween:
    def keys(self, old: dict[str, object], new: dict[str, object]) -> list[str]:
        return [change.key for change in changes_between(Config(old), Config(new))]

    def test_what_is_added_and_removed_is_listed_to_its_ends(self) -> None:
        added = changes_between(Config({}), Config({'model': {'head': {'a': 1, 'b': {}}}}))
        assert added == [('model.head.a', ABSENT, 1), ('model.head.b', ABSENT, {})]
        assert self.keys({'model': {'a': {'b': 1}}}, {'model': {}}) == ['model.a.b']

    def test_lists(self) -> None:
        steps = [{'type': 'A'}, {'type': 'B', 'p': 1}]
        assert self.keys({'x': steps}, {'x': [steps[0], {'type': 'B', 'p': 2}]}) == ['x.1.p']
        assert self.keys({'x': steps}, {'x': steps[:1]}) == ['x']
        assert self.keys({'x': [1, 2]}, {'x': [1, 3]}) == ['x']
        assert self.keys({'x': [1]}, {'x': (1,)}) == ['x']

    def test_kinds_of_equal_values(self) -> None:
        assert self.keys({'x': 1}, {'x': 1.0}) == ['x']
        assert self.keys({'x': None}, {}) == ['x']
        assert self.keys({'x': {'a': 1}}, {'x': 'a'}) == ['x']
        assert self.keys({'a': 1, 'b': 2}, {'b': 2, 'a': 1}) == []
