# SPDX-License-Identifier: Apache-2.0
"""What a comparison has to run, what it has run, and the file that says so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from deepmark.atomic_write import atomic_write
from deepmark.comparison import jobs
from deepmark.comparison.collect import collect_model, collect_run
from deepmark.comparison.identity import (
    Identity,
    ModelRecord,
    differences,
    plain,
    plain_config,
    read_record,
    shown,
)
from deepmark.comparison.jobs import Timed
from deepmark.comparison.machine import commit_of, this_machine
from deepmark.comparison.plan import CompareOptions, PlanError, PlannedModel, path_in_project
from deepmark.comparison.results import Model, Results, Run, Status, read_results, write_results
from deepmark.json_file import JsonFileError

RESULTS_FILE = 'results.json'
RECORD_FILE = 'model.json'


class PlannedRun(NamedTuple):
    """A model with a seed.

    Attributes:
        name: Of the model.
        seed: Of the run.
        folder: Where it works.
        config: The config that it reads.
        weights: Tested instead of a training.
    """

    name: str
    seed: int
    folder: Path
    config: Path
    weights: str | None

    @property
    def title(self) -> str:
        """For a person."""
        return f'{self.name} seed {self.seed}'


class Ledger:
    """The state of a comparison, in its folder.

    Models of earlier calls with the same budget and data stay in the results.

    Args:
        options: Of the command line.
        models: To compare now.
        data: As the results describe them.

    Raises:
        PlanError: The folder's results cannot be read, or have another budget or other data, and
            ``overwrite`` is not set; or a model's folder is not one of a comparison, or holds the
            weights that the model is to be tested with.
    """

    def __init__(
        self, options: CompareOptions, models: Sequence[PlannedModel], data: dict[str, object]
    ) -> None:
        self.options = options
        self.out = options.out
        self.results_file = self.out / RESULTS_FILE
        self.planned = {model.name: model for model in models}
        self.data = data
        for model in models:
            self._require_own_folder(model)
        before = self._read_before()
        self.anew: list[Path] = []  # folders of models that this call runs anew
        kept = {model.name: model for model in before.models} if before else {}
        rows = {**{name: Model(name, '') for name in self.planned}, **kept}
        commands = [*(before.command.split('\n') if before else []), options.command]
        self.results = Results(
            command='\n'.join(dict.fromkeys(commands)) if kept else options.command,
            commit=_joined(before.commit if kept and before else None),
            machine=this_machine(),
            data=data,
            budget=options.budget,
            models=list(rows.values()),
        )

    def prepare(self, model: PlannedModel) -> list[str]:
        """Make a model's folder, or check that it answers the same question.

        Returns:
            Notes on its config.

        Raises:
            PlanError: It answers another one, and ``overwrite`` is not set.
        """
        folder = self.out / model.name
        identity = Identity(
            config=plain_config(model.cfg),
            weights=model.weights,
            budget=self.options.budget,
            evaluations=self.options.evaluations,
            data=plain(self.data),
            from_scratch=self.options.from_scratch,
        )
        record = read_record(folder / RECORD_FILE)
        if record is not None and (changed := differences(record.identity, identity)):
            self._refuse(f'{folder} was run with other settings ({shown(changed)})')
            record = None
        elif record is None and (folder / RECORD_FILE).exists():
            self._refuse(f'{folder / RECORD_FILE} cannot be read')
        if record is not None and self._tested_other_weights(model):
            self._refuse(f'{folder} was tested with weights that are trained anew')
            record = None
        if record is None:
            if folder.exists():
                shutil.rmtree(folder)
            folder.mkdir(parents=True)
            self._forget(model.name)
            self.anew.append(folder)
            record = ModelRecord(identity, self._make_reachable(model))
            with atomic_write(folder / f'{model.name}.py') as file:
                file.write(model.cfg.pretty_text.encode())
            jobs.write_struct(folder / RECORD_FILE, record)
        self._update_row(model, record)
        return record.notes

    def planned_runs(self) -> Iterator[PlannedRun]:
        """The runs of this call, seed by seed, so that every model has its first row early."""
        for seed in range(self.options.seeds):
            for model in self.planned.values():
                if seed in self._seeds(model):
                    yield self._planned_run(model.name, seed, model.weights)

    def known_runs(self) -> Iterator[PlannedRun]:
        """All runs of the results, those of earlier calls included."""
        for model in self.results.models:
            record = read_record(self.out / model.name / RECORD_FILE)
            weights = record.identity.weights if record else None
            for run in model.runs:
                yield self._planned_run(model.name, run.seed, weights)

    def collect(self, planned: PlannedRun) -> Run:
        """What the files of a run say."""
        return collect_run(planned.folder, planned.seed, self.out)

    def status(self, planned: PlannedRun) -> Status:
        """Of a run."""
        return self.collect(planned).status

    def start(self, planned: PlannedRun) -> None:
        """Note that a run begins, in the results too: a kill leaves it as interrupted."""
        planned.folder.mkdir(parents=True, exist_ok=True)
        (planned.folder / jobs.ERROR_FILE).unlink(missing_ok=True)
        job = planned.folder / jobs.JOB_FILE
        if not job.is_file():  # its process gets the whole one
            job.write_text('{}', encoding='utf-8')
        self.write()

    def fail(self, planned: PlannedRun, error: str) -> None:
        """Note why a run failed."""
        with atomic_write(planned.folder / jobs.ERROR_FILE, overwrite=True) as file:
            file.write(error.encode())

    def all_finished(self) -> bool:
        """Whether every run of this call was tested."""
        return all(self.status(planned) == 'finished' for planned in self.planned_runs())

    def finished_at(self, name: str) -> float:
        """When the newest test of a model ended, seconds since 1970."""
        tested = (self.out / name).glob(f'seed*/{jobs.TESTED_FILE}')
        return max((path.stat().st_mtime for path in tested), default=0.0)

    def take_timings(self, timed: Timed) -> None:
        """Put timings into the rows."""
        for model in self.results.models:
            model.timing = timed.timings.get(model.name, model.timing)
            notes = [timed.notes[model.name]] if model.name in timed.notes else []
            if model.name in timed.errors:
                notes.append(f'not timed: {timed.errors[model.name]}')
            model.notes = list(dict.fromkeys([*model.notes, *notes]))

    def write(self) -> None:
        """Bring the rows up to date and write the results file."""
        for model in self.results.models:
            if model.name in self.planned:
                planned = self.planned[model.name]
                seeds = sorted({*self._seeds(planned), *self._seeds_there(model.name)})
                collect_model(model, self.out / model.name, self.out, seeds, planned.cfg)
        write_results(self.results_file, self.results, overwrite=True)

    def _read_before(self) -> Results | None:
        """Earlier results with the same budget and data; None when there are none to keep."""
        if not self.results_file.exists():
            return None
        try:
            before = read_results(self.results_file)
        except JsonFileError as error:
            self._refuse(str(error))
            return None
        changed = [
            name
            for name, old, new in (
                ('budget', before.budget, self.options.budget),
                ('data', plain(before.data), plain(self.data)),
            )
            if old != new
        ]
        if changed:
            self._refuse(f'{self.results_file} has another {" and other ".join(changed)}')
            return None
        return before

    def _require_own_folder(self, model: PlannedModel) -> None:
        """Nothing is deleted that no comparison has made, and no weights that are to be tested."""
        folder = self.out / model.name
        if model.weights is not None and Path(model.weights).resolve().is_relative_to(
            folder.resolve()
        ):
            raise PlanError(
                f'{model.config}={model.weights}: these weights are in the folder that this row '
                f'gets, {folder}; copy the config to another name, or give another --out'
            )
        if (folder / RECORD_FILE).exists() or not folder.exists():
            return
        # A kill while the folder is made leaves no record, and nothing that was run.
        begun = [path.name for path in folder.iterdir() if not path.name.startswith('.writing-')]
        if begun not in ([], [f'{model.name}.py']):
            raise PlanError(
                f'{folder} is not of a comparison (it has no {RECORD_FILE}); give another --out, '
                'or move it away'
            )

    def _tested_other_weights(self, model: PlannedModel) -> bool:
        """Whether the weights to test belong to a model that this call runs anew."""
        if model.weights is None:
            return False
        weights = Path(model.weights).resolve()
        return any(weights.is_relative_to(folder.resolve()) for folder in self.anew)

    def _forget(self, name: str) -> None:
        """Drop what the row knows of an earlier run: its timing, size and notes are another's."""
        models = self.results.models
        models[:] = [Model(name, '') if model.name == name else model for model in models]

    def _refuse(self, what: str) -> None:
        if not self.options.overwrite:
            raise PlanError(
                f'{what}; give another --out, or --overwrite to run anew what was asked otherwise'
            )

    def _make_reachable(self, model: PlannedModel) -> list[str]:
        """Replace pre-trained starts that cannot be had by random ones.

        Returns:
            Notes that say so.
        """
        if model.weights is not None:
            return []
        from deepmark.engine.pretrained_start import start_from_scratch, unreachable_starts

        if self.options.from_scratch:
            start_from_scratch(model.cfg)
            return ['trained from scratch (--from-scratch)']
        missing = unreachable_starts(model.cfg)
        if not missing:
            return []
        start_from_scratch(model.cfg)
        return [f'trained from scratch: {", ".join(map(str, missing))} cannot be reached']

    def _update_row(self, model: PlannedModel, record: ModelRecord) -> None:
        row = next(row for row in self.results.models if row.name == model.name)
        row.config = path_in_project(model.config)
        row.title = model.title
        row.notes = list(record.notes)
        if model.weights is not None:
            row.notes.insert(0, f'weights of {path_in_project(model.weights)}, not trained')

    def _seeds(self, model: PlannedModel) -> range | list[int]:
        """Of the runs that are asked for; given weights have one, or one a seed<k> folder."""
        seeds = range(self.options.seeds)
        if model.weights is None:
            return seeds
        folder = Path(model.weights)
        trained_here = folder.parent.resolve() == self.out.resolve() and folder.name in self.planned
        if trained_here:
            return seeds
        there = [seed for seed in seeds if (folder / f'seed{seed}').is_dir()]
        return there or [0]

    def _seeds_there(self, name: str) -> list[int]:
        """Of the runs that earlier calls have left."""
        folders = (self.out / name).glob(f'seed*/{jobs.JOB_FILE}')
        return [int(path.parent.name.removeprefix('seed')) for path in folders]

    def _planned_run(self, name: str, seed: int, weights: str | None) -> PlannedRun:
        folder = self.out / name
        return PlannedRun(name, seed, folder / f'seed{seed}', folder / f'{name}.py', weights)


def _joined(before: str | None) -> str | None:
    """The commits of all calls, oldest first: rows of earlier calls stay."""
    commits = [*(before.split(', ') if before else []), commit_of(Path(__file__).parent)]
    return ', '.join(dict.fromkeys(commit for commit in commits if commit)) or None
