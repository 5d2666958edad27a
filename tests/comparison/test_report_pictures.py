# SPDX-License-Identifier: Apache-2.0
"""What the pictures of a comparison show, by value, and that they are drawn for odd contents."""

from __future__ import annotations

import random
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from deepmark.comparison.report import write_report
from deepmark.comparison.report.cells import Spread
from deepmark.comparison.report.label_placement import Rectangle, choose_places
from deepmark.comparison.report.pictures import bars_figure, curves_figure
from deepmark.comparison.report.plot_parts import LONGEST_NAME, short_name
from deepmark.comparison.report.series import bars, curves, left_out, speed_points
from deepmark.comparison.report.speed_picture import speed_accuracy_figure
from deepmark.comparison.results import CurvePoint, Model, Run, Timing

from .invented_results import finished_run, invented_models, invented_results

FILES = ['results.md', 'results.csv', 'speed_accuracy.png', 'bars.png', 'curves.png']


def test_speed_against_accuracy() -> None:
    models = invented_models()
    boxes = speed_points(models, 'bbox_AP')
    assert [(point.name, point.kind, point.ms) for point in boxes] == [
        ('ours', 'one-shot', (25.04, 24.0, 30.0)),
        ('boxes', 'boxes', (80.0, 80.0, 80.0)),
    ]
    assert boxes[0].ap == Spread(0.375, 0.25, 0.5, (0.25, 0.5))
    assert [point.name for point in speed_points(models, 'keypoints_AP')] == ['ours']
    assert left_out(models, 'keypoints_AP') == [
        ('topdown', 'time not measured'),
        ('broken', 'failed'),
        ('waiting', 'not run'),
    ]


def test_speed_against_accuracy_is_drawn_from_these() -> None:
    left, right = speed_accuracy_figure(invented_models()).axes
    points = [
        tuple(line.get_xydata()[0]) for line in left.get_lines() if len(line.get_xdata()) == 1
    ]
    assert points == [(25.04, 0.375), (80.0, 0.5)]
    assert [text.get_text() for text in left.texts] == ['ours', 'boxes']
    assert 'not shown: topdown (time not measured), broken (failed)' in right.get_xlabel()


def test_bars() -> None:
    models = invented_models()
    assert [(bar.name, bar.text) for bar in bars(models, 'keypoints_AP')] == [
        ('ours', '0.250'),
        ('boxes', '-'),
        ('topdown', '0.750'),
        ('broken', 'failed'),
        ('waiting', 'not run'),
    ]
    landmarks = bars_figure(models).axes[1]
    widths = [patch.get_width() for patch in landmarks.patches]
    assert widths == [0.25, 0.75]
    dots = [line.get_xdata().tolist() for line in landmarks.get_lines() if line.get_marker() == 'o']
    assert dots == [[0.125, 0.375], [0.75]]


def test_curves() -> None:
    found = curves(invented_models(), 'keypoints_AP')
    assert [(curve.model, curve.seed) for curve in found] == [(0, 0), (0, 1), (2, 0)]
    assert (found[0].images, found[0].values) == ([4000, 8000], [0.0625, 0.125])
    losses = curves(invented_models(), 'loss')
    assert [(curve.model, curve.values) for curve in losses][:2] == [(0, [9.5, 7.25])] * 2
    lines = curves_figure(invented_models()).axes[1].get_lines()
    assert lines[2].get_ydata().tolist() == [0.375, 0.75]


def test_interrupted_runs_have_curves_too() -> None:
    run = Run(0, 'interrupted', losses=[CurvePoint(8, 0.1, {'loss': 2.0}), CurvePoint(9, 0.1, {})])
    (curve,) = curves([Model('a', 'a.py', runs=[run])], 'loss')
    assert (curve.images, curve.values) == ([8], [2.0])


def test_all_files_are_written_and_replaced(tmp_path: Path) -> None:
    out = tmp_path / 'new' / 'folder'
    for models in (invented_models(), invented_models()[:1]):
        written = write_report(invented_results(models), out)
        assert written == [out / name for name in FILES]
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    for path in written[2:]:
        picture = cv2.imread(str(path))
        assert picture.shape[0] > 200
        assert picture.shape[1] > 1000
        assert len(np.unique(picture)) > 20
        assert b'Software' not in path.read_bytes()


def many_models(count: int) -> list[Model]:
    """Models with long names, crowded and missing values."""
    rng = random.Random(0)
    models = []
    for number in range(count):
        box = rng.uniform(0.3, 0.5)
        seeds = 3 if number % 4 == 0 else 1
        time = rng.uniform(20, 30) * (10 if number % 7 == 0 else 1)
        models.append(
            Model(
                f'configuration_with_a_long_name_and_number_{number}', 'c.py', kind='one-shot',
                runs=[finished_run(seed, box + seed / 100, box / 2, box) for seed in range(seeds)],
                timing=Timing(time, time - 1, time + 1, 5, 20, (8, 8)) if number % 5 else None,
            )
        )  # fmt: skip
    return models


def labels_in_pixels(figure: Figure) -> list[list[Rectangle]]:
    return [
        [Rectangle(*text.get_window_extent().extents) for text in ax.texts] for ax in figure.axes
    ]


@pytest.mark.parametrize('count', [9, 20])
def test_labels_do_not_cover_each_other(count: int) -> None:
    """Nine models of which seven have a time keep their names, twenty get numbers."""
    figure = speed_accuracy_figure(many_models(count))
    figure.set_dpi(110)  # as it is saved
    for ax, labels in zip(figure.axes, labels_in_pixels(figure), strict=True):
        assert len(labels) == {9: 7, 20: 16}[count]
        assert (ax.texts[0].get_text() == '1') == (count == 20)
        frame = Rectangle(*ax.get_window_extent().extents)
        covered = sum(
            one.overlap(other) for place, one in enumerate(labels) for other in labels[:place]
        )
        points = ax.transData.transform([text.xy for text in ax.texts])
        marks = [Rectangle(x - 4, y - 4, x + 4, y + 4) for x, y in points.tolist()]
        covered += sum(label.overlap(mark) for label in labels for mark in marks)
        area = sum(label.overlap(label) for label in labels)
        assert covered < 0.02 * area
        assert sum(label.overlap(frame) for label in labels) > 0.98 * area


def test_numbers_have_a_key() -> None:
    models = many_models(20)
    key = speed_accuracy_figure(models).legends[-1]
    names = [text.get_text() for text in key.get_texts()]
    assert len(names) == 16
    assert names[:2] == [f'1  {short_name(models[1].name)}', f'2  {short_name(models[2].name)}']


@pytest.mark.parametrize('models', [[], [Model('a', 'a.py')]])
def test_hardly_anything_to_draw(models: list[Model], tmp_path: Path) -> None:
    assert [path.stat().st_size > 0 for path in write_report(invented_results(models), tmp_path)]


def test_logarithmic_where_times_differ_much() -> None:
    assert speed_accuracy_figure(many_models(8)).axes[0].get_xscale() == 'log'
    assert speed_accuracy_figure(invented_models()).axes[0].get_xscale() == 'linear'


def test_long_names_lose_their_middle() -> None:
    assert short_name('a' * LONGEST_NAME) == 'a' * LONGEST_NAME
    assert short_name('a' * 30 + 'b' * 30) == 'a' * 17 + '…' + 'b' * 16


def test_labels_take_the_nearest_free_place() -> None:
    frame = Rectangle(0, 0, 1000, 1000)
    first, second = choose_places([(500, 500), (500, 500)], [(50, 10)] * 2, frame, [])
    # 7 pixels to the right, raised by 0.4 * 7 and centred: 500 + 2.8 - 5
    assert list(first) == pytest.approx([507, 497.8, 557, 507.8])
    assert second.overlap(first) == 0
    (place,) = choose_places([(990, 500)], [(50, 10)], frame, [])
    assert place.right < 990
