# SPDX-License-Identifier: Apache-2.0
"""What stands in a cell of a comparison: a figure, or one of the words for not having it.

Rounding is fixed here, so that equal results give equal text on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from deepmark.comparison.results import Model, Run, Status

BOX_AP, LANDMARK_AP, VISIBLE_AP = 'bbox_AP', 'keypoints_AP', 'keypoints_visible_AP'
HEADLINES = {
    BOX_AP: 'box AP',
    LANDMARK_AP: 'landmark AP, visible + occluded',
    VISIBLE_AP: 'landmark AP, visible only',
}
"""The figures that every report shows, with their titles."""
NOT_MEASURED = 'not measured'
NOT_TRAINED = 'not trained'
IMPOSSIBLE = '-'


class Spread(NamedTuple):
    """Mean and range of single values."""

    mean: float
    low: float
    high: float
    values: tuple[float, ...]


def spread(values: Sequence[float | None]) -> Spread | None:
    """Mean and range of what is there; None without any."""
    known = tuple(value for value in values if value is not None and math.isfinite(value))
    return Spread(fmean(known), min(known), max(known), known) if known else None


def status_of(model: Model) -> Status:
    """The best that one of its runs came to."""
    found = {run.status for run in model.runs}
    order: tuple[Status, ...] = ('finished', 'failed', 'interrupted')
    return next((status for status in order if status in found), 'not run')


def finished(model: Model) -> list[Run]:
    """Its finished runs, in their order."""
    return [run for run in model.runs if run.status == 'finished']


def can_have(model: Model, figure: str) -> bool:
    """Whether such a model has such a figure: box detectors find no landmarks."""
    if figure.startswith('keypoints'):
        return model.kind != 'boxes'
    return not (figure.startswith('bbox') and model.kind == 'top-down' and model.true_boxes)


def figure_spread(model: Model, figure: str) -> Spread | None:
    """Mean and range of a figure over the finished runs.

    -1, COCO's word for "no truth of this kind", is no value.
    """
    if not can_have(model, figure):
        return None
    return spread([value for value in model.values(figure) if value >= 0])


def figure_cell(model: Model, figure: str, with_range: bool = True) -> str:
    """A figure of 0 .. 1 of a model, or why there is none.

    Args:
        model: Whose.
        figure: As in :attr:`deepmark.comparison.results.Run.figures`.
        with_range: Add the lowest and the highest seed, where there are several.
    """
    if not can_have(model, figure):
        return IMPOSSIBLE
    found = figure_spread(model, figure)
    if found is not None:
        return spread_text(found, 3) if with_range else fixed(found.mean, 3)
    return IMPOSSIBLE if model.values(figure) else missing_word(model)


def missing_word(model: Model) -> str:
    """What stands for a figure that the model could have."""
    status = status_of(model)
    return NOT_MEASURED if status == 'finished' else status


def spread_text(found: Spread, digits: int) -> str:
    """Mean, and the range behind it when there are several values.

    Example:
        >>> spread_text(Spread(0.5, 0.4, 0.6, (0.4, 0.6)), 2)
        '0.50 (0.40–0.60)'
    """
    mean = fixed(found.mean, digits)
    if len(found.values) == 1:
        return mean
    return f'{mean} ({fixed(found.low, digits)}–{fixed(found.high, digits)})'


def fixed(value: float, digits: int) -> str:
    """A number with so many digits behind the point, and commas at thousands.

    Rounded first to nine digits: the last bits of a mean depend on the platform.
    """
    return f'{round(value, 9):,.{digits}f}'


def three_digits(value: float) -> str:
    """A positive number with about three leading digits.

    Example:
        >>> three_digits(0.123), three_digits(4.01), three_digits(87.36), three_digits(1234.5)
        ('0.12', '4.01', '87.4', '1,234')
    """
    return fixed(value, 2 if value < 10 else 1 if value < 100 else 0)


def seeds_cell(model: Model) -> str:
    """The seeds that finished, and what became of the others.

    Example:
        >>> seeds_cell(Model('a', 'a.py', runs=[Run(0, 'finished'), Run(1, 'failed'), Run(2)]))
        '0; failed: 1; not run: 2'
    """
    parts = []
    statuses: tuple[Status, ...] = ('finished', 'failed', 'interrupted', 'not run')
    for status in statuses:
        seeds = ', '.join(str(run.seed) for run in model.runs if run.status == status)
        if seeds:
            parts.append(seeds if status == 'finished' else f'{status}: {seeds}')
    return '; '.join(parts) or 'none'
