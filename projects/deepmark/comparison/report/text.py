# SPDX-License-Identifier: Apache-2.0
"""A comparison as a Markdown page."""

from __future__ import annotations

import json
from collections.abc import Sequence

from deepmark.comparison.results import Budget, Machine, Model, Results
from deepmark.markdown_table import markdown_table

from .cells import HEADLINES
from .tables import (
    NUMBER_COLUMNS,
    PER_CATEGORY,
    SLICED,
    Row,
    category_rows,
    main_rows,
    model_rows,
    slice_rows,
    unfinished_rows,
)

READING = (
    'AP as mean over the random seeds, the lowest and the highest seed in brackets; "-" is a '
    'figure that the model cannot have (landmarks of a box detector, boxes that were given). '
    'GFLOPs count a multiply-add twice, for one image. Milliseconds: from the batched tensor to '
    'boxes and landmarks, one image at a time, median of the rounds in which the models took '
    'turns, with the quickest and the slowest round. Of a top-down model both are for one '
    "garment's crop. Training minutes include evaluations in between; images seen count "
    'repetitions, and garments where a model is top-down; "not trained" '
    'is a model that was given weights.'
)
PICTURES = {
    'speed_accuracy.png': 'Speed against accuracy',
    'bars.png': 'AP with the single seeds',
    'curves.png': 'AP and loss over the training',
}


def markdown_page(results: Results) -> str:
    """The whole page; ends with a line break."""
    models = results.models
    parts = [
        f'# Comparison on {results.data.get("name", "unnamed data")}',
        markdown_table(main_rows(models), NUMBER_COLUMNS) if models else 'No model.',
        READING,
        *(f'![{title}]({name})' for name, title in PICTURES.items()),
        *detail_parts(models),
        *_unfinished_parts(models),
        '## Models',
        markdown_table(model_rows(models)) if models else 'None.',
        '## How it was measured',
        measured_list(results),
    ]
    return '\n\n'.join(parts) + '\n'


def detail_parts(models: Sequence[Model], level: str = '##') -> list[str]:
    """Tables per category and per level of difficulty, each under its title."""
    tables: list[tuple[str, list[Row]]] = [
        (f'{HEADLINES[figure]} per category', category_rows(models, figure))
        for figure in PER_CATEGORY
    ]
    tables += [
        (f'{HEADLINES[figure]} by difficulty', slice_rows(models, figure)) for figure in SLICED
    ]
    parts = []
    for title, rows in tables:
        parts.append(f'{level} {title[0].upper()}{title[1:]}')
        parts.append(markdown_table(rows, list(rows[0])[1:]) if rows else 'Not measured.')
    return parts


def measured_list(results: Results) -> str:
    """Command, commit, machine, budget and data, a line each."""
    data = [f'{key}: `{json.dumps(value)}`' for key, value in results.data.items() if key != 'name']
    lines = [
        *(f'command: `{command}`' for command in results.command.split('\n')),
        f'commit: {commit_text(results.commit)}',
        f'machine: {machine_text(results.machine)}',
        f'packages: {packages_text(results.machine)}',
        f'budget of each training: {budget_text(results.budget)}',
        f'data: {results.data.get("name", "unnamed")}',
        *(f'data, {line}' for line in data),
    ]
    return '\n'.join(f'- {line}' for line in lines)


def commit_text(commit: str | None) -> str:
    """The commits of the calls, and what a '+' behind one means."""
    if commit is None:
        return 'not known (run outside a repository)'
    return ', '.join(
        f'`{one.removesuffix("+")}`{" with local changes" if one.endswith("+") else ""}'
        for one in commit.split(', ')
    )


def machine_text(machine: Machine) -> str:
    """Processor and graphics card in a line."""
    cores = '1 core' if machine.cores == 1 else f'{machine.cores} cores'
    return f'{machine.processor}, {cores}, {machine.gpu or "no GPU"}'


def packages_text(machine: Machine) -> str:
    """Python and the packages with their versions."""
    packages = (f'{name} {version}' for name, version in machine.packages.items())
    return ', '.join([f'Python {machine.python}', *packages])


def budget_text(budget: Budget) -> str:
    """The budget in words.

    Example:
        >>> budget_text(Budget(minutes=4)), budget_text(Budget())
        ('4 minutes of training steps', "the config's own schedule")
    """
    parts = []
    if budget.minutes is not None:
        parts.append(f'{budget.minutes:g} minutes of training steps')
    if budget.epochs is not None:
        parts.append(f'{budget.epochs} epoch{"" if budget.epochs == 1 else "s"}')
    return ', at most '.join(parts) or "the config's own schedule"


def _unfinished_parts(models: Sequence[Model]) -> list[str]:
    rows = unfinished_rows(models)
    return ['## Runs that did not finish', markdown_table(rows)] if rows else []
