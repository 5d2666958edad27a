# SPDX-License-Identifier: Apache-2.0
"""A process of a comparison: ``python -m deepmark.comparison.worker JOB.json``.

Trains and tests a model with one seed, or times a few steps, or times finished models. What it
finds is in the files of :mod:`deepmark.comparison.jobs`; what it prints is the run's log.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from deepmark.apis.preflight import find_checkpoint_to_resume, require_data
from deepmark.apis.run_config import build_runner
from deepmark.apis.test import TestOptions, make_test_config
from deepmark.apis.train import AUTO_RESUME, TrainOptions, make_training_config
from deepmark.comparison import jobs
from deepmark.comparison.budget import (
    PROBE_STEPS,
    PROBE_WARM_UP,
    evaluation_steps,
    lay_budget,
    measure_training_set,
    own_steps_or_none,
    step_seconds,
    steps_of,
)
from deepmark.comparison.jobs import Job, Measured, Probed, Tested, Trained
from deepmark.comparison.schedule import fit_schedule
from deepmark.comparison.training_hooks import (
    EvaluationsHook,
    ProbeDoneError,
    ProbeHook,
    ProgressHook,
    TrainingStoppedError,
)
from deepmark.engine.cpu_process_group import end_with_launcher
from deepmark.engine.errors import RunError

STOPPED_CHECKPOINT = 'stopped.pth'
LEAST_PROBE_SECONDS = 30.0
PROBE_SHARE = 0.15


def run(job: Job) -> None:
    """Train unless that is done or weights are given, test, count."""
    folder = Path(job.folder)
    trained = folder / jobs.TRAINED_FILE
    if job.weights is not None:
        runner = runner_to_test(job, job.weights)
    elif trained.is_file():
        checkpoint = folder / jobs.read_struct(trained, Trained).checkpoint
        runner = runner_to_test(job, str(checkpoint))
    else:
        runner = train(job)
    metrics = jobs.figures_of(runner.test())
    jobs.write_struct(folder / jobs.TESTED_FILE, Tested(metrics, categories_of(runner)))
    if job.measured_file is not None and not Path(job.measured_file).is_file():
        jobs.write_struct(Path(job.measured_file), measure(Config.fromfile(job.config)))


def runner_to_test(job: Job, weights: str) -> Runner:
    """A runner that has only the test to do."""
    cfg = make_test_config(TestOptions(config=job.config, checkpoint=weights, work_dir=job.folder))
    require_data(cfg, ('test_dataloader',))
    runner = build_runner(cfg)
    runner.register_hook(ProgressHook(Path(job.folder) / jobs.PROGRESS_FILE, 0))
    return runner


def train(job: Job) -> Runner:
    """Train from the start, or go on from the newest checkpoint of the folder."""
    folder = Path(job.folder)
    cfg = training_config(job, resume=has_checkpoint(folder))
    training_set = measure_training_set(cfg)
    steps = steps_of(cfg, training_set, job.epochs, job.iterations)
    lay_budget(cfg, training_set, steps, job.evaluations)
    runner = build_runner(cfg)
    progress = ProgressHook(folder / jobs.PROGRESS_FILE, steps, job.minutes)
    runner.register_hook(progress)
    if job.evaluations > 1:
        runner.register_hook(EvaluationsHook(evaluation_steps(steps, job.evaluations), progress))
    notes = []
    try:
        runner.train()
        checkpoint = find_checkpoint_to_resume(folder)
    except TrainingStoppedError as stop:
        notes.append(f'seed {job.seed}: {stop}')
        runner.save_checkpoint(str(folder), STOPPED_CHECKPOINT, by_epoch=False)
        checkpoint = folder / STOPPED_CHECKPOINT
    if checkpoint is None:
        raise RunError(f'{folder}: the training left no checkpoint')
    trained = Trained(
        checkpoint.name, progress.step, progress.images, progress.seconds, peak_memory(), notes
    )
    jobs.write_struct(folder / jobs.TRAINED_FILE, trained)
    take_weights(runner, checkpoint)
    return runner


def take_weights(runner: Runner, checkpoint: Path) -> None:
    """Put the weights of a checkpoint into the model that is tested next.

    They are those of the model at work unless they are averaged: EMAHook copies the model anew at
    the start of ``Runner.test`` and forgets the averages, which the checkpoint has.
    """
    runner._resume = False  # of a checkpoint to resume, EMAHook takes those that are not averaged
    runner._load_from = str(checkpoint)  # names it in what CheckpointGuardHook says
    runner.load_checkpoint(str(checkpoint))


def training_config(job: Job, resume: bool = False) -> Config:
    """The config of a training, without its budget."""
    options = TrainOptions(
        config=job.config,
        work_dir=job.folder,
        resume=AUTO_RESUME if resume else None,
        cfg_options={'randomness.seed': job.seed},
    )
    cfg = make_training_config(options)
    require_data(cfg, ('train_dataloader', 'val_dataloader', 'test_dataloader'))
    return cfg


def has_checkpoint(folder: Path) -> bool:
    """Whether there is a whole checkpoint to go on from; damaged ones alone mean a new start."""
    try:
        return find_checkpoint_to_resume(folder) is not None
    except RunError:
        return False


def probe(job: Job) -> None:
    """Time some steps of the training, with no evaluation and no checkpoint."""
    folder = Path(job.folder)
    cfg = training_config(job)
    training_set = measure_training_set(cfg)
    needed = PROBE_WARM_UP + PROBE_STEPS + 1
    own = own_steps_or_none(cfg, training_set)
    if own is not None and own < needed:
        fit_schedule(cfg, needed, training_set.epoch_length)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.setdefault('default_hooks', {})['checkpoint'] = None
    runner = build_runner(cfg)
    limit = max(LEAST_PROBE_SECONDS, PROBE_SHARE * 60 * (job.minutes or 0))
    watch = ProbeHook(folder / jobs.PROGRESS_FILE, limit)
    runner.register_hook(watch)
    try:
        runner.train()
    except ProbeDoneError as done:
        runner.logger.info(str(done))
    group = cfg.train_dataloader.get('num_workers') or 1
    seconds = step_seconds(watch.durations, group)
    jobs.write_struct(folder / jobs.PROBE_FILE, Probed(seconds, len(watch.durations)))


def measure(cfg: Config) -> Measured:
    """Kind, parameters, FLOPs; what cannot be counted is a note."""
    from deepmark.comparison.measurements import count, kind_of

    try:
        counted = count(cfg)
    except Exception as error:  # noqa: BLE001 - a model that cannot be counted is still compared
        return Measured(kind_of(cfg), None, None, [f'not counted: {error}'])
    notes = [] if counted.note is None else [counted.note]
    return Measured(kind_of(cfg), counted.parameters, counted.flops, notes)


def time_finished(job: Job) -> None:
    """Time the predictions of finished models, taking turns."""
    from deepmark.comparison.measurements import TimedModel, time_models

    models = [
        TimedModel(model.name, Config.fromfile(model.config), model.checkpoint)
        for model in job.models
    ]
    outcome = time_models(models, rounds=job.timing_rounds)
    timed = jobs.Timed(outcome.timings, outcome.errors, outcome.notes)
    jobs.write_struct(Path(job.folder) / jobs.TIMED_FILE, timed)


def peak_memory() -> float:
    """Of this process, MiB."""
    from deepmark.comparison.measurements import peak_memory_mib

    return float(peak_memory_mib())


def categories_of(runner: Any) -> list[str]:
    """Class names of our metric's schema; empty when another metric tests."""
    for metric in runner.test_evaluator.metrics:
        if hasattr(metric, 'schema'):
            return list(metric.schema.class_names)
    return []


def main(argv: list[str]) -> None:
    """Do the job; an error ends the process with its traceback."""
    end_with_launcher()
    job = jobs.read_struct(Path(argv[1]), Job)
    work = {'run': run, 'probe': probe, 'time': time_finished}[job.kind]
    work(job)


if __name__ == '__main__':
    main(sys.argv)
