# SPDX-License-Identifier: Apache-2.0
"""The garment benchmark as Markdown: its tables, details of the headline rows, where it ran."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from deepmark.comparison.report.cells import HEADLINES, figure_cell, finished, seeds_cell
from deepmark.comparison.report.tables import (
    COST_COLUMNS,
    NUMBER_COLUMNS,
    Row,
    cost_cells,
    kind_text,
    unfinished_rows,
)
from deepmark.comparison.report.text import (
    READING,
    budget_text,
    commit_text,
    detail_parts,
    machine_text,
    packages_text,
)
from deepmark.comparison.results import Model, Results
from deepmark.markdown_table import markdown_table

from .benchmark_plan import BenchmarkPlan, DataRecipe, PlannedRow

NOT_RUN = 'not run'
README_COSTS = ('ms per image', 'training minutes')
RESULTS_FOLDER = 'docs/results'


def benchmark_parts(
    plan: BenchmarkPlan, models: Mapping[str, Model], files: Mapping[str, int]
) -> list[str]:
    """The benchmark's tables.

    Args:
        plan: All rows.
        models: What was run, by name.
        files: Number of the results file of each model, as :func:`source_parts` counts.
    """
    parts = [f'## {plan.title}', plan.question, data_text(plan.data)]
    for group in plan.groups:
        rows = [_full_row(row, models, files) for row in group.rows]
        parts += [f'### {group.title}', group.question, markdown_table(rows, NUMBER_COLUMNS)]
    return [*parts, READING]


def headline_parts(plan: BenchmarkPlan, models: Mapping[str, Model]) -> list[str]:
    """Tables per category and difficulty of the headline rows, and the runs that went wrong."""
    found = [models[row.name] for row in plan.rows if row.headline and row.name in models]
    parts = ['## The headline rows in detail']
    if any(finished(model) for model in found):
        parts += detail_parts(found, '###')
    else:
        parts.append('Not run.')
    broken = unfinished_rows([models[row.name] for row in plan.rows if row.name in models])
    return [*parts, '## Runs that did not finish', markdown_table(broken)] if broken else parts


def source_parts(plan: BenchmarkPlan, files: Mapping[str, Results]) -> list[str]:
    """Where each results file comes from, and the commands that make them.

    Args:
        plan: The commands.
        files: File name to its content, in the order of the numbers of the column "from".
    """
    parts = ['## Where the figures come from']
    for number, (name, results) in enumerate(files.items(), 1):
        parts.append(f'**{number}.** [{name}](results/{name})\n\n{_source_list(results)}')
    if not files:
        parts.append('Nothing was run yet.')
    commands = [planned.command for planned in plan.commands]
    copies = [
        f'cp {out}/results.json {RESULTS_FOLDER}/{file_of(out)}'
        for out in dict.fromkeys(planned.out for planned in plan.commands)
    ]
    parts += [
        'The whole benchmark is `make benchmark`, which runs the comparisons below; the copies '
        'check the results in, and `make docs-results` makes this page of them.',
        '```shell\n' + '\n'.join([*commands, *copies]) + '\n```',
    ]
    return parts


def readme_rows(plan: BenchmarkPlan, models: Mapping[str, Model]) -> list[Row]:
    """The short table for README.md."""
    return [
        {
            'model': row.title,
            **{title: _figure(row, models, figure) for figure, title in HEADLINES.items()},
            **{column: _cost(row, models, column) for column in README_COSTS},
            'seeds': _seeds(row, models),
        }
        for group in plan.groups
        if group.in_readme
        for row in group.rows
    ]


def data_text(data: DataRecipe) -> str:
    """The data recipe as a list."""
    lines = [
        f'- `{data.root}/{split}`: {recipe.count:,} images, seed {recipe.seed}, generator version '
        f'{recipe.generator_version}'
        for split, recipe in data.splits.items()
    ]
    return '\n'.join([f'Data: {data.description}', '', *lines])


def file_of(out: str) -> str:
    """File name in docs/results for the results of a folder of tools/compare.py.

    Example:
        >>> file_of('work_dirs/benchmark'), file_of('work_dirs/benchmark/boxes')
        ('garments_benchmark.json', 'garments_boxes.json')
    """
    return f'garments_{PurePosixPath(out).name}.json'


def _full_row(row: PlannedRow, models: Mapping[str, Model], files: Mapping[str, int]) -> Row:
    model = models.get(row.name)
    title = f'[{row.title}](../{row.config})'
    if row.weights_of is not None:
        title += f' (tested with the weights of [{_stem(row.weights_of)}](../{row.weights_of}))'
    return {
        'model': title,
        'kind': '' if model is None else kind_text(model),
        **{name: _figure(row, models, figure) for figure, name in HEADLINES.items()},
        **{column: _cost(row, models, column) for column in COST_COLUMNS},
        'seeds': _seeds(row, models),
        'from': str(files[row.name]) if row.name in files else '',
    }


def _figure(row: PlannedRow, models: Mapping[str, Model], figure: str) -> str:
    return figure_cell(models[row.name], figure) if row.name in models else NOT_RUN


def _cost(row: PlannedRow, models: Mapping[str, Model], column: str) -> str:
    return cost_cells(models[row.name])[column] if row.name in models else ''


def _seeds(row: PlannedRow, models: Mapping[str, Model]) -> str:
    model = models.get(row.name, Model(row.name, row.config))
    planned = '' if len(finished(model)) == row.seeds else f' ({row.seeds} planned)'
    return f'{seeds_cell(model)}{planned}'


def _stem(config: str) -> str:
    return PlannedRow(config, '', 0).name


def _source_list(results: Results) -> str:
    lines = [
        *(f'command: `{command}`' for command in results.command.split('\n')),
        f'commit: {commit_text(results.commit)}',
        f'machine: {machine_text(results.machine)}',
        f'packages: {packages_text(results.machine)}',
        f'budget of each training: {budget_text(results.budget)}',
        *(f'`{model.name}`: {note}' for model in results.models for note in model.notes),
    ]
    return '\n'.join(f'- {" ".join(line.split())}' for line in lines)
