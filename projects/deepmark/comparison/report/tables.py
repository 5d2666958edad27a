# SPDX-License-Identifier: Apache-2.0
"""The tables of a comparison as rows of text, column name to cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from deepmark.comparison.results import Model, Run
from deepmark.datasets.attribute_levels import ATTRIBUTE_LEVELS

from .cells import (
    BOX_AP,
    HEADLINES,
    IMPOSSIBLE,
    LANDMARK_AP,
    NOT_MEASURED,
    NOT_TRAINED,
    VISIBLE_AP,
    can_have,
    figure_cell,
    finished,
    fixed,
    missing_word,
    seeds_cell,
    spread,
    spread_text,
    three_digits,
)

Row = dict[str, str]
COST_COLUMNS = (
    'parameters (M)',
    'GFLOPs',
    'ms per image',
    'peak memory (MiB)',
    'training minutes',
    'images seen',
)
NUMBER_COLUMNS = (*HEADLINES.values(), *COST_COLUMNS)


def main_rows(models: Sequence[Model]) -> list[Row]:
    """One row a model: what it reaches, what it costs."""
    return [
        {
            'model': f'`{model.name}`',
            'kind': kind_text(model),
            **{title: figure_cell(model, figure) for figure, title in HEADLINES.items()},
            **cost_cells(model),
            'seeds': seeds_cell(model),
        }
        for model in models
    ]


def kind_text(model: Model) -> str:
    """The kind, and whose boxes a top-down model is given."""
    if model.kind != 'top-down':
        return model.kind
    return 'top-down, true boxes' if model.true_boxes else 'top-down, detected boxes'


def cost_cells(model: Model) -> Row:
    """Size, speed, memory and training of a model; the columns are :data:`COST_COLUMNS`."""
    parameters = None if model.parameters is None else three_digits(model.parameters / 1e6)
    flops = None if model.flops is None else three_digits(model.flops / 1e9)
    memory = None if model.peak_memory_mib is None else fixed(model.peak_memory_mib, 0)
    measured = (parameters, flops, _timing_text(model), memory)
    return dict(
        zip(
            COST_COLUMNS,
            (
                *(NOT_MEASURED if text is None else text for text in measured),
                _run_cell(model, lambda run: run.train_minutes, 1),
                _run_cell(model, lambda run: run.images_seen, 0),
            ),
            strict=True,
        )
    )


def category_rows(models: Sequence[Model], figure: str) -> list[Row]:
    """AP of every category, mean over the seeds; empty when no model has any.

    Args:
        models: Those that cannot have the figure, or have no finished run, are left out.
        figure: ``bbox_AP`` or ``keypoints_AP``.
    """
    able = _able(models, figure)
    names = dict.fromkeys(
        name
        for model in able
        for run in finished(model)
        for name in run.per_category.get(figure, {})
    )
    if not names:
        return []
    return [
        {
            'model': f'`{model.name}`',
            **{name: _category_cell(model, figure, name) for name in names},
        }
        for model in able
    ]


def slice_rows(models: Sequence[Model], figure: str) -> list[Row]:
    """AP of every level of scale, occlusion, zoom and viewpoint; empty when no model has any.

    Args:
        models: Those that cannot have the figure, or have no finished run, are left out.
        figure: ``bbox_AP``, ``keypoints_AP`` or ``keypoints_visible_AP``.
    """
    able = _able(models, figure)
    columns = {
        title: name
        for title, name in _slice_names(figure).items()
        if any(model.values(name) for model in able)
    }
    if not columns:
        return []
    return [
        {
            'model': f'`{model.name}`',
            **{
                title: figure_cell(model, name, with_range=False) for title, name in columns.items()
            },
        }
        for model in able
    ]


def unfinished_rows(models: Sequence[Model]) -> list[Row]:
    """One row for every run that did not finish, with its error."""
    return [
        {
            'model': f'`{model.name}`',
            'seed': str(run.seed),
            'status': run.status,
            'error': code_text(run.error) if run.error else IMPOSSIBLE,
        }
        for model in models
        for run in model.runs
        if run.status != 'finished'
    ]


def model_rows(models: Sequence[Model]) -> list[Row]:
    """What the names stand for."""
    return [
        {
            'model': f'`{model.name}`',
            'what it is': model.title or IMPOSSIBLE,
            'config': f'`{model.config}`',
            'notes': ' '.join(model.notes) or IMPOSSIBLE,
        }
        for model in models
    ]


def code_text(text: str) -> str:
    """Text of a program in one line, so that Markdown reads nothing into it."""
    return '`' + ' '.join(text.split()).replace('`', "'") + '`'


def _able(models: Sequence[Model], figure: str) -> list[Model]:
    return [model for model in models if can_have(model, figure) and finished(model)]


def _slice_names(figure: str) -> dict[str, str]:
    names = {}
    for attribute, levels in ATTRIBUTE_LEVELS.items():
        for level in levels:
            title = f'{attribute.removesuffix("_in")}: {level}'
            names[title] = f'{figure}_{attribute}_{level.replace(" ", "_")}'
    return names


def _timing_text(model: Model) -> str | None:
    if model.timing is None:
        return None
    median, low, high = (
        fixed(value, 1) for value in (model.timing.median, model.timing.low, model.timing.high)
    )
    return median if model.timing.rounds == 1 else f'{median} ({low}–{high})'


def _run_cell(model: Model, number: Callable[[Run], float | None], digits: int) -> str:
    found = spread([number(run) for run in finished(model)])
    if found is not None:
        return spread_text(found, digits)
    return NOT_TRAINED if finished(model) else missing_word(model)


def _category_cell(model: Model, figure: str, name: str) -> str:
    categories: list[Mapping[str, float]] = [
        run.per_category.get(figure, {}) for run in finished(model)
    ]
    found = spread([values[name] for values in categories if values.get(name, -1) >= 0])
    if found is not None:
        return fixed(found.mean, 3)
    return IMPOSSIBLE if any(categories) else missing_word(model)


SLICED = (BOX_AP, LANDMARK_AP, VISIBLE_AP)
PER_CATEGORY = (BOX_AP, LANDMARK_AP)
