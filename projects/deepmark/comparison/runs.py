# SPDX-License-Identifier: Apache-2.0
"""Train and test models one after the other, each run in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from deepmark.apis.command_line import EXIT_ERROR, EXIT_INTERRUPT
from deepmark.apis.preflight import find_checkpoint_to_resume
from deepmark.comparison import jobs
from deepmark.comparison.budget import steps_for_minutes
from deepmark.comparison.data import (
    GARMENTS,
    describe_data,
    draw_garments,
    find_data,
    require_all_data,
)
from deepmark.comparison.display import Display, show_table, summary_table
from deepmark.comparison.jobs import Job, Probed, Timed, Trained, WeightsToTime
from deepmark.comparison.ledger import Ledger, PlannedRun
from deepmark.comparison.plan import CompareOptions, check_options, plan_models
from deepmark.comparison.process import JobError, run_job, terminated_as_interrupted
from deepmark.comparison.results import Results, Status
from deepmark.engine.errors import RunError
from deepmark.json_file import JsonFileError

EXIT_BAD_ARGUMENTS = 2
TIMING_FOLDER = 'timing'


def run_comparison(options: CompareOptions, display: Display | None = None) -> int:
    """Do what ``tools/compare.py`` does.

    Returns:
        0 when all finished, 1 when some failed, 130 when interrupted, 2 for bad arguments.
    """
    display = display or Display()
    try:
        with terminated_as_interrupted():
            try:
                comparison = Comparison(open_ledger(options, display), options, display)
            except (RunError, JsonFileError, FileNotFoundError, PermissionError) as error:
                print(f'error: {error}', file=sys.stderr)
                return EXIT_BAD_ARGUMENTS
            return comparison.run()
    except KeyboardInterrupt:
        display.say('interrupted; the same command goes on from here')
        return EXIT_INTERRUPT


def open_ledger(options: CompareOptions, display: Display) -> Ledger:
    """Check everything that can be checked before the first run, and draw what is to be drawn.

    Raises:
        RunError: Something is missing, or an earlier comparison in the folder asked otherwise.
    """
    check_options(options)
    data = find_data(options.data)
    models = plan_models(options, data)
    if data.name == GARMENTS and data.root is not None:
        draw_garments(data.root)
    for model in models:
        require_all_data(model.cfg, model.config, only_test=model.weights is not None)
    ledger = Ledger(options, models, describe_data(data, models[0].cfg))
    for model in models:
        for note in ledger.prepare(model):
            display.say(f'{model.name}: {note}')
    ledger.write()
    return ledger


class Comparison:
    """The runs of a comparison.

    Args:
        ledger: What is to be run and what is known.
        options: Of the command line.
        display: Where progress is shown.
    """

    def __init__(self, ledger: Ledger, options: CompareOptions, display: Display) -> None:
        self.ledger = ledger
        self.options = options
        self.display = display

    @property
    def results(self) -> Results:
        """As they are now."""
        return self.ledger.results

    def run(self) -> int:
        """Run what is missing, time, report.

        Returns:
            The exit code.
        """
        for planned in self.ledger.planned_runs():
            status = self.ledger.status(planned)
            if status == 'finished' or (status == 'failed' and not self.options.retry_failed):
                self.display.say(f'{planned.title}: {status} before')
                continue
            self._run_one(planned)
            self.ledger.write()
            self._report()
        self._time()
        self.ledger.write()
        self._report()
        show_table(summary_table(self.results.models))
        self.display.say(f'results: {self.ledger.results_file}')
        return 0 if self.ledger.all_finished() else EXIT_ERROR

    def _run_one(self, planned: PlannedRun) -> None:
        self.ledger.start(planned)
        with self.display.run(planned.title) as watch:
            try:
                job = self._job(planned)
                run_job(job, watch, self.options.stall_minutes * 60)
            except RunError as error:
                self.ledger.fail(planned, str(error))
            except KeyboardInterrupt:
                self.ledger.write()
                raise
        self._say_outcome(planned, self.ledger.status(planned))

    def _say_outcome(self, planned: PlannedRun, status: Status) -> None:
        run = self.ledger.collect(planned)
        figures = ', '.join(
            f'{name} {run.figures[name]:.3f}'
            for name in ('bbox_AP', 'keypoints_AP')
            if name in run.figures
        )
        self.display.say(f'{planned.title}: {status} {run.error or figures}'.rstrip())

    def _job(self, planned: PlannedRun) -> Job:
        """What the process of a run has to do.

        Raises:
            JobError: The probe failed.
            RunError: The weights to test are not there.
        """
        budget, model_folder = self.options.budget, planned.folder.parent
        iterations = None
        if planned.weights is None and budget.minutes is not None:
            iterations = steps_for_minutes(budget.minutes, self._probed(planned).seconds_per_step)
        return Job(
            kind='run',
            folder=str(planned.folder),
            config=str(planned.config),
            seed=planned.seed,
            weights=weights_of(planned),
            epochs=budget.epochs,
            iterations=iterations,
            minutes=budget.minutes,
            evaluations=self.options.evaluations,
            measured_file=str(model_folder / jobs.MEASURED_FILE),
        )

    def _probed(self, planned: PlannedRun) -> Probed:
        """How long a step takes; measured once a model, so that its seeds train equally long."""
        folder = planned.folder.parent / 'probe'
        if not (folder / jobs.PROBE_FILE).is_file():
            job = Job(
                kind='probe',
                folder=str(folder),
                config=str(planned.config),
                minutes=self.options.budget.minutes,
            )
            with self.display.run(f'{planned.title}: probe') as watch:
                run_job(job, watch, self.options.stall_minutes * 60)
        return jobs.read_struct(folder / jobs.PROBE_FILE, Probed)

    def _time(self) -> None:
        """Time all finished models in one process, unless that was done for the same ones."""
        models = self._weights_to_time()
        folder = self.ledger.out / TIMING_FOLDER
        job = Job(
            kind='time', folder=str(folder), models=models, timing_rounds=self.options.timing_rounds
        )
        if not models or not self.options.timing_rounds:
            return
        if self._timed_before(job):  # the rows were made anew without its notes
            self.ledger.take_timings(jobs.read_struct(folder / jobs.TIMED_FILE, Timed))
            return
        (folder / jobs.TIMED_FILE).unlink(missing_ok=True)
        with self.display.run(f'timing {len(models)} models') as watch:
            try:
                run_job(job, watch, self.options.stall_minutes * 60)
            except JobError as error:
                self.display.say(f'timing failed: {error}')
                return
        self.ledger.take_timings(jobs.read_struct(folder / jobs.TIMED_FILE, Timed))

    def _timed_before(self, job: Job) -> bool:
        path = Path(job.folder) / jobs.JOB_FILE
        if not path.is_file() or jobs.read_struct(path, Job) != job:
            return False
        timed = Path(job.folder) / jobs.TIMED_FILE
        if not timed.is_file():
            return False
        newest = max((self.ledger.finished_at(model.name) for model in job.models), default=0.0)
        return timed.stat().st_mtime >= newest

    def _weights_to_time(self) -> list[WeightsToTime]:
        """The first finished run of each model."""
        found = {}
        for planned in self.ledger.known_runs():
            if planned.name not in found and self.ledger.status(planned) == 'finished':
                checkpoint = weights_of(planned) or str(trained_checkpoint(planned.folder))
                found[planned.name] = WeightsToTime(planned.name, str(planned.config), checkpoint)
        return list(found.values())

    def _report(self) -> None:
        from deepmark.comparison.report import write_report

        try:
            write_report(self.results, self.ledger.out)
        except Exception as error:  # noqa: BLE001 - a picture must not end hours of training
            self.display.say(f'no report: {type(error).__name__}: {error}')


def trained_checkpoint(folder: Path) -> Path:
    """The checkpoint in which a training ended."""
    return folder / jobs.read_struct(folder / jobs.TRAINED_FILE, Trained).checkpoint


def weights_of(planned: PlannedRun) -> str | None:
    """The checkpoint that a run tests instead of training.

    Raises:
        RunError: There is none.
    """
    if planned.weights is None:
        return None
    path = Path(planned.weights)
    if path.is_file():
        return str(path)
    folder = path / f'seed{planned.seed}'
    folder = folder if folder.is_dir() else path
    if (folder / jobs.TRAINED_FILE).is_file():
        return str(trained_checkpoint(folder))
    checkpoint = find_checkpoint_to_resume(folder) if folder.is_dir() else None
    if checkpoint is None:
        raise RunError(f'{folder} holds no checkpoint to test')
    if (folder / jobs.JOB_FILE).is_file():
        raise RunError(f'the training in {folder} did not end; finish it, then try this one again')
    return str(checkpoint)
