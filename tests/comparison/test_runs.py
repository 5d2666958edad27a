# SPDX-License-Identifier: Apache-2.0
"""A comparison from start to end, interrupted, failed and resumed, with pretended runs."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
import torch

from deepmark.comparison.results import Budget, Results, read_results

from .conftest import Compare, WriteConfig

OUT = Path('out')


def results() -> Results:
    return read_results(OUT / 'results.json')


def calls() -> list[str]:
    """What the processes since the last look had to do."""
    path = OUT / 'calls.txt'
    lines = path.read_text().splitlines() if path.is_file() else []
    path.unlink(missing_ok=True)
    return lines


def behave(**behaviour: str) -> None:
    OUT.mkdir(exist_ok=True)
    (OUT / 'behaviour.json').write_text(json.dumps(behaviour))


def jobs_of(run: str) -> dict:
    return json.loads((OUT / run / 'job.json').read_text())


def test_two_configs_and_two_seeds(compare: Compare, write_config: WriteConfig) -> None:
    configs = [write_config('a'), write_config('b')]
    assert compare(*configs, seeds=2, budget=Budget(epochs=3), command='as typed') == 0
    runs = ['run a/seed0', 'run b/seed0', 'run a/seed1', 'run b/seed1']
    assert calls() == [*runs, 'time timing']
    found = results()
    assert (found.command, found.budget) == ('as typed', Budget(epochs=3))
    assert found.data == {'name': 'data', 'train': {'images': 0}}
    first, second = found.models
    assert (first.name, first.config, first.kind) == ('a', 'a.py', 'boxes')
    assert first.title == 'A config that is read only.'
    assert (first.parameters, first.flops, first.peak_memory_mib) == (7, 9, 101.0)
    assert first.timing is not None
    assert first.timing.median == 5.0
    assert [run.status for run in second.runs] == ['finished', 'finished']
    assert second.values('bbox_AP') == [0.25, 0.5]
    assert second.runs[1].work_dir == 'b/seed1'
    assert (second.runs[0].train_minutes, second.runs[0].images_seen) == (2.0, 8)
    assert jobs_of('b/seed1')['seed'] == 1
    assert jobs_of('b/seed1')['epochs'] == 3


def test_the_same_command_runs_nothing_twice(compare: Compare, write_config: WriteConfig) -> None:
    config = write_config('a')
    assert compare(config) == 0
    before = (OUT / 'results.json').read_bytes()
    calls()
    assert compare(config) == 0
    assert calls() == []
    assert (OUT / 'results.json').read_bytes() == before
    assert results().models[0].notes == ['timed in no time']


def test_more_seeds_and_models_join(compare: Compare, write_config: WriteConfig) -> None:
    first, second = write_config('a'), write_config('b')
    compare(first, command='one', timing_rounds=0)
    calls()
    compare(first, second, seeds=2, command='two', timing_rounds=0)
    assert calls() == ['run b/seed0', 'run a/seed1', 'run b/seed1']
    compare(second, command='three', timing_rounds=0)
    found = results()
    assert {model.name: len(model.runs) for model in found.models} == {'a': 2, 'b': 2}
    assert found.command == 'one\ntwo\nthree'


class TestFailure:
    def test_the_rest_goes_on(self, compare: Compare, write_config: WriteConfig) -> None:
        behave(a='fail')
        assert compare(write_config('a'), write_config('b'), seeds=2) == 1
        failed, finished = results().models
        assert [run.status for run in failed.runs] == ['failed', 'failed']
        assert failed.runs[0].error == 'ValueError: the loss is nan\nlower the learning rate'
        assert [run.status for run in finished.runs] == ['finished', 'finished']

    def test_only_asked_for_it_is_tried_again(
        self, compare: Compare, write_config: WriteConfig
    ) -> None:
        config = write_config('a')
        behave(a='fail')
        assert compare(config) == 1
        behave()
        calls()
        assert compare(config) == 1
        assert calls() == []
        assert compare(config, retry_failed=True, timing_rounds=0) == 0
        assert calls() == ['run a/seed0']
        assert results().models[0].runs[0].error is None

    def test_a_killed_process(self, compare: Compare, write_config: WriteConfig) -> None:
        behave(a='die')
        assert compare(write_config('a')) == 1
        assert results().models[0].runs[0].error == 'killed by SIGKILL: out of memory, most likely'

    def test_a_process_that_hangs(self, compare: Compare, write_config: WriteConfig) -> None:
        behave(a='hang')
        assert compare(write_config('a'), stall_minutes=0.02) == 1
        assert results().models[0].runs[0].error == 'no sign of life for 0.02 minutes: ended'


class TestInterruption:
    @pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
    def test_goes_on_where_it_was(
        self, compare: Compare, write_config: WriteConfig, number: int
    ) -> None:
        configs = [write_config('a'), write_config('b')]
        behave(b='wait')
        progress = OUT / 'b' / 'seed0' / 'progress.jsonl'

        def interrupt() -> None:
            while not progress.is_file():
                time.sleep(0.02)
            os.kill(os.getpid(), number)

        threading.Thread(target=interrupt).start()
        assert compare(*configs) == 130
        finished, interrupted = results().models
        assert finished.runs[0].status == 'finished'
        assert interrupted.runs[0].status == 'interrupted'
        behave()
        calls()
        assert compare(*configs) == 0
        assert calls() == ['run b/seed0', 'time timing']

    def test_its_process_is_ended(self, compare: Compare, write_config: WriteConfig) -> None:
        behave(a='wait')
        progress = OUT / 'a' / 'seed0' / 'progress.jsonl'

        def interrupt() -> None:
            while not progress.is_file():
                time.sleep(0.02)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        compare(write_config('a'))
        worker = int((OUT / 'pid.txt').read_text())
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)

    def test_results_say_so_after_a_kill(self, compare: Compare, write_config: WriteConfig) -> None:
        """All rows are in the file from the start on, the one at work as interrupted."""
        seen = []
        behave(b='wait')
        progress = OUT / 'b' / 'seed0' / 'progress.jsonl'

        def look() -> None:
            while not progress.is_file():
                time.sleep(0.02)
            seen.append([model.runs[0].status for model in results().models])
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=look).start()
        compare(write_config('a'), write_config('b'), write_config('c'))
        assert seen == [['finished', 'interrupted', 'not run']]


class TestOtherQuestion:
    def test_a_changed_config_is_refused(
        self, compare: Compare, write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
    ) -> None:
        compare(write_config('a'), write_config('b'))
        config = write_config('a', 'model = dict(type="Nothing", width=2)\n')
        calls()
        assert compare(config) == 2
        assert 'out/a was run with other settings (config.model.width)' in capsys.readouterr().err
        assert compare(config, 'b.py', overwrite=True, timing_rounds=0) == 0
        assert calls() == ['run a/seed0']

    def test_another_budget_is_refused(
        self, compare: Compare, write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
    ) -> None:
        config = write_config('a')
        compare(config, write_config('b'), budget=Budget(epochs=1))
        assert compare(config, budget=Budget(epochs=2)) == 2
        assert 'out/results.json has another budget' in capsys.readouterr().err
        assert compare(config, budget=Budget(epochs=2), overwrite=True) == 0
        assert [model.name for model in results().models] == ['a']

    def test_weights_that_were_trained_anew(
        self, compare: Compare, write_config: WriteConfig
    ) -> None:
        tested = f'{write_config("b")}=out/a'
        compare(write_config('a'), tested, timing_rounds=0)
        config = write_config('a', 'model = dict(type="Nothing", width=2)\n')
        calls()
        assert compare(config, tested, overwrite=True, timing_rounds=0) == 0
        assert calls() == ['run a/seed0', 'run b/seed0']

    def test_a_row_run_anew_forgets_its_timing(
        self, compare: Compare, write_config: WriteConfig
    ) -> None:
        compare(write_config('a'))
        config = write_config('a', 'model = dict(type="Nothing", width=2)\n')
        compare(config, overwrite=True, timing_rounds=0)
        assert results().models[0].timing is None

    def test_bad_arguments(
        self, compare: Compare, write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert compare('absent.py') == 2
        assert 'error: absent.py: there is no such config file' in capsys.readouterr().err
        assert compare(write_config('a'), data='nowhere') == 2
        assert compare('a.py', budget=Budget(minutes=float('nan'))) == 2
        assert compare('a.py', stall_minutes=0) == 2
        assert not OUT.exists()


class TestNothingIsLost:
    """A model's folder is emptied only where a comparison made it and --overwrite allows it."""

    def test_a_folder_of_something_else(
        self, compare: Compare, write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
    ) -> None:
        mine = OUT / 'a' / 'epoch_12.pth'
        mine.parent.mkdir(parents=True)
        mine.touch()
        assert compare(write_config('a'), overwrite=True) == 2
        assert 'out/a is not of a comparison' in capsys.readouterr().err
        assert mine.is_file()

    def test_a_record_that_cannot_be_read(
        self, compare: Compare, write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
    ) -> None:
        config = write_config('a')
        compare(config)
        (OUT / 'a' / 'model.json').write_text('{"newer": 1}')
        assert compare(config) == 2
        assert 'out/a/model.json cannot be read; give another --out' in capsys.readouterr().err
        assert (OUT / 'a' / 'seed0' / 'iter_4.pth').is_file()
        assert compare(config, overwrite=True) == 0

    def test_a_folder_whose_making_was_cut_off(
        self, compare: Compare, write_config: WriteConfig
    ) -> None:
        (OUT / 'a' / '.writing-x').mkdir(parents=True)
        (OUT / 'a' / 'a.py').touch()
        assert compare(write_config('a')) == 0

    def test_weights_in_the_own_folder(
        self, compare: Compare, write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
    ) -> None:
        config = write_config('a')
        compare(config)
        assert compare(f'{config}=out/a', overwrite=True) == 2
        assert 'these weights are in the folder that this row gets' in capsys.readouterr().err
        assert (OUT / 'a' / 'seed0' / 'iter_4.pth').is_file()


class TestMinutes:
    def test_one_probe_serves_all_seeds(self, compare: Compare, write_config: WriteConfig) -> None:
        """2 minutes at 0.5 s a step are 240 steps."""
        config = write_config('a')
        assert compare(config, seeds=2, budget=Budget(minutes=2), timing_rounds=0) == 0
        assert calls() == ['probe a/probe', 'run a/seed0', 'run a/seed1']
        assert jobs_of('a/seed0')['iterations'] == jobs_of('a/seed1')['iterations'] == 240
        assert jobs_of('a/seed0')['minutes'] == 2.0


class TestWeights:
    def test_of_a_file(self, compare: Compare, write_config: WriteConfig) -> None:
        Path('w.pth').touch()
        assert compare(f'{write_config("a")}=w.pth', seeds=3, timing_rounds=0) == 0
        (model,) = results().models
        assert len(model.runs) == 1
        assert model.runs[0].train_minutes is None
        assert model.notes == ['weights of w.pth, not trained']
        assert jobs_of('a/seed0')['weights'] == 'w.pth'

    def test_of_a_model_before_seed_by_seed(
        self, compare: Compare, write_config: WriteConfig
    ) -> None:
        trained, tested = write_config('a'), write_config('b')
        assert compare(trained, f'{tested}=out/a', seeds=2, timing_rounds=0) == 0
        assert jobs_of('b/seed1')['weights'] == 'out/a/seed1/iter_4.pth'

    def test_of_a_training_that_did_not_end(
        self, compare: Compare, write_config: WriteConfig
    ) -> None:
        trained, tested = write_config('a'), write_config('b')
        behave(a='fail')
        compare(trained, timing_rounds=0)
        torch.save({}, OUT / 'a' / 'seed0' / 'iter_2.pth')
        assert compare(trained, f'{tested}=out/a', timing_rounds=0) == 1
        assert 'did not end' in (results().models[1].runs[0].error or '')

    def test_of_a_folder_without_any(self, compare: Compare, write_config: WriteConfig) -> None:
        Path('empty').mkdir()
        assert compare(f'{write_config("a")}=empty', timing_rounds=0) == 1
        assert 'empty' in (results().models[0].runs[0].error or '')
