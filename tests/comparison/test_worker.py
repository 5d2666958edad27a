# SPDX-License-Identifier: Apache-2.0
"""The work of a process, on a toy detector: 8 images in batches of 2, tested on 5."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
import torch
from mmdet.visualization import DetLocalVisualizer
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

from deepmark.comparison import jobs, worker
from deepmark.comparison.jobs import Job, Probed, Progress, Trained, read_struct
from deepmark.comparison.training_hooks import (
    ProbeDoneError,
    ProbeHook,
    ProgressHook,
    TrainingStoppedError,
)

TOOLS = Path(__file__).parents[1] / 'tools'
METRICS = {'toy/images': 5.0, 'toy/sum_of_ids': 10.0}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    from toy_runs import write_config

    return write_config(tmp_path)


@pytest.fixture
def run(config: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a job in the folder 'run'; gives what it trained, if it did."""

    def run(folder: str = 'run', **job: object) -> Trained | None:
        # mmengine keeps these by config name and second: two quick runs would share them.
        for registry in (DefaultScope, DetLocalVisualizer, MessageHub, MMLogger, Visualizer):
            monkeypatch.setattr(registry, '_instance_dict', OrderedDict())
        Path(folder).mkdir(exist_ok=True)
        worker.run(Job(kind='run', folder=folder, config=str(config), **job))
        path = Path(folder) / 'trained.json'
        return read_struct(path, Trained) if path.is_file() else None

    return run


def lines(folder: str = 'run') -> list[Progress]:
    text = Path(folder, 'progress.jsonl').read_text().splitlines()
    return [msgspec.json.decode(line, type=Progress) for line in text]


def test_epochs_are_exact(run) -> None:
    trained = run(epochs=3, seed=5)
    assert (trained.iterations, trained.images, trained.checkpoint) == (12, 24, 'epoch_3.pth')
    assert trained.seconds > 0
    assert trained.peak_memory_mib > 50
    assert read_struct(Path('run/tested.json'), jobs.Tested).metrics == METRICS
    assert Config.fromfile('run/toy.py').randomness.seed == 5
    assert [path.name for path in Path('run').glob('*.pth')] == ['epoch_3.pth']


def test_steps_cut_the_last_epoch_and_evaluations_are_spaced(run) -> None:
    trained = run(iterations=6, evaluations=3)
    assert (trained.iterations, trained.images, trained.checkpoint) == (6, 12, 'epoch_2.pth')
    evaluated = {line.step: line.figures for line in lines() if line.figures}
    assert evaluated == {2: METRICS, 4: METRICS}
    assert Config.fromfile('run/toy.py').train_cfg.type == 'deepmark.StepLimitedEpochLoop'


def test_goes_on_from_the_newest_checkpoint(run) -> None:
    run(epochs=1)
    for name in ('trained.json', 'tested.json', 'progress.jsonl'):
        Path('run', name).unlink()
    trained = run(epochs=3)
    assert (trained.iterations, trained.images) == (12, 24)
    assert lines()[0].step == 5


def test_a_trained_run_is_only_tested(run) -> None:
    run(epochs=1)
    Path('run/tested.json').unlink()
    before = Path('run/trained.json').read_bytes()
    run(epochs=1)
    assert Path('run/trained.json').read_bytes() == before
    assert read_struct(Path('run/tested.json'), jobs.Tested).metrics == METRICS


def test_averaged_weights_are_tested(run, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the checkpoint, after a resumed training too."""
    hook = "dict(type='EMAHook', momentum=0.5)"
    config.write_text(config.read_text() + f'\ncustom_hooks = [{hook}]\n')
    models = []
    monkeypatch.setattr(worker, 'categories_of', lambda runner: models.append(runner.model) or [])
    for epochs in (1, 2):
        trained = run(epochs=epochs)
        saved = torch.load(Path('run', trained.checkpoint), weights_only=False)
        for name, value in models[-1].named_parameters():
            assert torch.equal(value, saved['state_dict'][name])
            assert not torch.equal(value, saved['ema_state_dict'][f'module.{name}'])
        Path('run/trained.json').unlink()


def test_figures_that_are_no_numbers_are_left_out(run, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {'a': np.float64(0.5), 'nothing': float('nan'), 'text': '0.5 0.6'}
    monkeypatch.setattr('mmengine.evaluator.Evaluator.evaluate', lambda *_: figures)
    run(epochs=1, evaluations=2)
    assert read_struct(Path('run/tested.json'), jobs.Tested).metrics == {'a': 0.5}
    assert [line.figures for line in lines() if line.figures] == [{'a': 0.5}]


def test_given_weights_are_only_tested(run) -> None:
    run(epochs=1)
    assert run('other', weights='run/epoch_1.pth') is None
    assert read_struct(Path('other/tested.json'), jobs.Tested).metrics == METRICS


def test_a_training_that_runs_over_is_stopped_and_tested(run) -> None:
    trained = run(iterations=8, minutes=1e-9, seed=2)
    assert (trained.iterations, trained.checkpoint) == (1, 'stopped.pth')
    assert trained.notes[0].startswith('seed 2: stopped after 1 of 8 steps')
    assert Path('run/stopped.pth').is_file()
    assert read_struct(Path('run/tested.json'), jobs.Tested).metrics == METRICS


def test_the_probe_times_steps_and_leaves_no_checkpoint(config: Path) -> None:
    """Longer than the config's own 8 steps."""
    Path('probe').mkdir()
    worker.probe(Job(kind='probe', folder='probe', config=str(config), minutes=1))
    probed = read_struct(Path('probe/probe.json'), Probed)
    assert probed.steps == 20
    assert 0 < probed.seconds_per_step < 5
    assert not list(Path('probe').glob('*.pth'))


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def fake_runner(seen: object = None) -> SimpleNamespace:
    hub = SimpleNamespace(runtime_info={} if seen is None else seen)
    hub.update_info = hub.runtime_info.__setitem__
    return SimpleNamespace(iter=0, message_hub=hub)


class TestClock:
    def step(self, hook: ProgressHook, clock: FakeClock, runner: SimpleNamespace) -> None:
        """A step of 10 seconds."""
        hook.before_train_iter(runner, runner.iter)
        clock.now += 10
        hook.after_train_iter(runner, runner.iter, {'data_samples': [0, 0]})
        runner.iter += 1

    def test_a_minute_and_its_allowance(self, tmp_path: Path) -> None:
        """One minute and 15 % are 69 seconds: the seventh step of 10 seconds is too much."""
        clock, runner = FakeClock(), fake_runner()
        hook = ProgressHook(tmp_path / 'p', steps=9, minutes=1, clock=clock)
        for _ in range(6):
            self.step(hook, clock, runner)
        with pytest.raises(TrainingStoppedError, match='stopped after 7 of 9 steps'):
            self.step(hook, clock, runner)
        assert (hook.step, hook.images, hook.seconds) == (7, 14, 70)

    def test_the_last_step_may_run_over(self, tmp_path: Path) -> None:
        clock, runner = FakeClock(), fake_runner()
        hook = ProgressHook(tmp_path / 'p', steps=1, minutes=0.1, clock=clock)
        self.step(hook, clock, runner)
        assert hook.seconds == 10

    def test_evaluations_do_not_count_towards_the_limit(self, tmp_path: Path) -> None:
        clock, runner = FakeClock(), fake_runner()
        hook = ProgressHook(tmp_path / 'p', steps=9, minutes=1, clock=clock)
        self.step(hook, clock, runner)
        clock.now += 300
        hook.evaluating_seconds += 300
        self.step(hook, clock, runner)
        assert hook.seconds == 320

    def test_a_resumed_training_counts_on(self, tmp_path: Path) -> None:
        clock, runner = FakeClock(), fake_runner()
        first = ProgressHook(tmp_path / 'p', steps=9, clock=clock)
        self.step(first, clock, runner)
        clock.now += 1000
        second = ProgressHook(tmp_path / 'p', steps=9, clock=clock)
        resumed = fake_runner(runner.message_hub.runtime_info)
        second.before_train(resumed)
        clock.now += 1000  # the loader goes forward to its place
        self.step(second, clock, resumed)
        assert (second.images, second.seconds) == (4, 20)


class TestProbeHook:
    def steps(self, hook: ProbeHook, clock: FakeClock, seconds: list[float]) -> None:
        for number, duration in enumerate(seconds):
            hook.before_train_iter(None, number)
            clock.now += duration

    def test_the_first_steps_do_not_count(self, tmp_path: Path) -> None:
        clock = FakeClock()
        hook = ProbeHook(tmp_path / 'p', limit=1e9, clock=clock)
        with pytest.raises(ProbeDoneError):
            self.steps(hook, clock, [50] * 5 + [2] * 90)
        assert hook.durations == [2] * 20

    def test_slow_steps_end_at_the_limit(self, tmp_path: Path) -> None:
        clock = FakeClock()
        hook = ProbeHook(tmp_path / 'p', limit=30, clock=clock)
        with pytest.raises(ProbeDoneError):
            self.steps(hook, clock, [20] * 90)
        assert hook.durations == [20]
