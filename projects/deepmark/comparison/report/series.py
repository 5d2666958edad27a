# SPDX-License-Identifier: Apache-2.0
"""The numbers that the pictures of a comparison show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from deepmark.comparison.results import CurvePoint, Model

from .cells import NOT_MEASURED, Spread, can_have, figure_cell, figure_spread, missing_word


class SpeedPoint(NamedTuple):
    """A model in the plot of speed against accuracy.

    Attributes:
        name: Of the model.
        kind: Of the model.
        ms: Milliseconds an image: median, quickest, slowest round.
        ap: Over the seeds.
    """

    name: str
    kind: str
    ms: tuple[float, float, float]
    ap: Spread


class Bar(NamedTuple):
    """A model in the plot of bars.

    Attributes:
        name: Of the model.
        ap: Over the seeds; None when there is none.
        text: Written at the bar: the figure, or why there is none.
    """

    name: str
    ap: Spread | None
    text: str


class Curve(NamedTuple):
    """A figure of one run against the images seen.

    Attributes:
        model: Number of the model.
        seed: Of the run.
        images: Training images seen.
        values: The figure there.
    """

    model: int
    seed: int
    images: list[int]
    values: list[float]


def speed_points(models: Sequence[Model], figure: str) -> list[SpeedPoint]:
    """The models with both a time and the figure."""
    points = []
    for model in models:
        ap = figure_spread(model, figure)
        if model.timing is not None and ap is not None:
            ms = (model.timing.median, model.timing.low, model.timing.high)
            points.append(SpeedPoint(model.name, model.kind, ms, ap))
    return points


def left_out(models: Sequence[Model], figure: str) -> list[tuple[str, str]]:
    """The models that could be in the plot of speed against accuracy but are not, and why."""
    found = []
    for model in models:
        if not can_have(model, figure):
            continue
        if figure_spread(model, figure) is None:
            found.append((model.name, missing_word(model)))
        elif model.timing is None:
            found.append((model.name, f'time {NOT_MEASURED}'))
    return found


def bars(models: Sequence[Model], figure: str) -> list[Bar]:
    """One bar a model."""
    return [
        Bar(model.name, figure_spread(model, figure), figure_cell(model, figure, with_range=False))
        for model in models
    ]


def curves(models: Sequence[Model], figure: str) -> list[Curve]:
    """One curve a run that has the figure along the way, finished or not.

    Args:
        models: Of the comparison.
        figure: ``loss``, or an AP.
    """
    found = []
    for number, model in enumerate(models):
        if figure != 'loss' and not can_have(model, figure):
            continue
        for run in model.runs:
            points = _with(run.losses if figure == 'loss' else run.curve, figure)
            if points:
                images, values = zip(*points, strict=True)
                found.append(Curve(number, run.seed, list(images), list(values)))
    return found


def _with(points: Sequence[CurvePoint], figure: str) -> list[tuple[int, float]]:
    values = ((point.images, point.figures.get(figure, -1.0)) for point in points)
    return [(images, value) for images, value in values if value >= 0]
