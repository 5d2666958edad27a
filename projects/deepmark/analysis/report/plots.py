# SPDX-License-Identifier: Apache-2.0
"""The plots of a report: which there are, and what one sees in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from deepmark.analysis.report.report_data import CURVE_THRESHOLDS, ReportData
from deepmark.evaluation.coco_evaluation import BOXES
from deepmark.evaluation.diagnosis.error_breakdown import DETECTION_CLASSES, TRUTH_STATES
from deepmark.evaluation.diagnosis.landmark_errors import CURVE_THRESHOLDS as PCK_CURVE
from deepmark.evaluation.diagnosis.landmark_errors import LandmarkErrors
from deepmark.visualization import evaluation_plots as plots
from deepmark.visualization.evaluation_plots import PrecisionPanel

NORMALIZER_TEXTS = {
    'sqrt_area': 'square root of the box area',
    'diagonal': 'diagonal of the box',
    'longest_side': 'longest side of the box',
}
_CLASS_COLORS = {
    'correct': plots.GREEN,
    'landmarks_off': plots.SKY,
    'wrong_category': plots.VERMILION,
    'box_off': plots.ORANGE,
    'wrong_category_and_box': plots.PURPLE,
    'duplicate': plots.YELLOW,
    'background': plots.GREY,
}
_STATE_COLORS = {'found': plots.GREEN, 'misjudged': plots.ORANGE, 'missed': plots.GREY}


class Plot(NamedTuple):
    """A plot: name of the section that shows it, name of its file, PNG and caption."""

    section: str
    file_name: str
    png: bytes
    caption: str


def draw_plots(data: ReportData) -> list[Plot]:
    """All plots for which there are numbers."""
    return [
        Plot(section, f'{name}.png', plots.figure_png(figure), caption)
        for section, name, figure, caption in _figures(data)
    ]


def words(name: str) -> str:
    """A name with blanks instead of underscores."""
    return name.replace('_', ' ')


def _figures(data: ReportData) -> Iterator[tuple[str, str, Figure, str]]:
    names, diagnosis = data.schema.class_names, data.diagnosis
    yield 'curves', 'precision_recall', _precision_recall(data), (
        'Thick: mean over the categories with garments to find; grey: each category at threshold '
        '.50. The area below a thick curve is AP50 or AP75. Thresholds are of IoU for boxes and '
        'of OKS for landmarks.'
    )  # fmt: skip
    yield 'categories', 'ap_per_category', _category_bars(data), 'AP of every category.'
    yield 'confusion', 'confusion_matrix', plots.confusion_figure(diagnosis.confusion, names), (
        'Each row is a true category: its numbers say what was detected there, whatever the '
        'landmarks. Last column: garments on which nothing was detected. Last row: detections on '
        'no free garment, among them second ones on a found garment.'
    )  # fmt: skip
    errors = diagnosis.errors
    yield 'errors', 'error_breakdown', plots.stacked_shares_figure(
        errors.detections, names, [words(name) for name in DETECTION_CLASSES],
        [_CLASS_COLORS[name] for name in DETECTION_CLASSES], 'detections',
    ), 'Detections by what is wrong with them, in rows by the detected category.'  # fmt: skip
    yield 'errors', 'found_garments', plots.stacked_shares_figure(
        errors.truths, names, list(TRUTH_STATES),
        [_STATE_COLORS[name] for name in TRUTH_STATES], 'garments',
    ), 'True garments by what became of them, in rows by the true category.'  # fmt: skip
    scores = diagnosis.scores
    yield 'scores', 'scores', plots.score_figure(
        scores.edges, scores.found, scores.wrong, scores.precision
    ), (
        'Left: all detections, also those below the threshold, by score. Right: the share of them '
        'that found a garment of their category; on the dashed line a score is the probability '
        'of being right.'
    )  # fmt: skip
    both, visible = diagnosis.visible_and_occluded, diagnosis.visible
    if both is not None and visible is not None and both.count:
        yield from _landmark_figures(data, visible, both)


def _precision_recall(data: ReportData) -> Figure:
    panels = []
    for name, title in data.evaluations.items():
        unit = 'IoU' if name == BOXES else 'OKS'
        curves = {
            f'{unit} {label}': data.mean_precision(name, position)
            for label, position in CURVE_THRESHOLDS.items()
        }
        single = data.precision[name][CURVE_THRESHOLDS['0.50']].T
        panels.append(PrecisionPanel(title, curves, np.where(single > -1, single, np.nan)))
    return plots.precision_recall_figure(panels)


def _category_bars(data: ReportData) -> Figure:
    series = {}
    for name, title in data.evaluations.items():
        values = np.array(data.figures[name]['AP_per_category'], np.float64)
        series[title] = np.where(values < 0, np.nan, values)
    return plots.grouped_bars_figure(series, data.schema.class_names, 'AP')


def _landmark_figures(
    data: ReportData, visible: LandmarkErrors, both: LandmarkErrors
) -> Iterator[tuple[str, str, Figure, str]]:
    schema, settings = data.schema, data.diagnosis.settings
    size = NORMALIZER_TEXTS[settings.normalizer]
    parts = {'visible + occluded': both, 'visible': visible}
    yield 'landmarks', 'pck', plots.pck_figure(
        PCK_CURVE, {title: part.curve for title, part in parts.items()},
        settings.pck_thresholds, size,
    ), 'Share of the landmarks of found garments that lie closer than a threshold.'  # fmt: skip
    yield 'landmarks', 'landmark_error_per_category', plots.grouped_bars_figure(
        {title: part.nme_per_category for title, part in parts.items()}, schema.class_names,
        f'mean error / {size} (NME)',
    ), 'Mean error of the landmarks of found garments; short is good.'  # fmt: skip
    cells = np.full(schema.keypoint_valid.shape, np.nan)
    cells[schema.keypoint_valid] = both.nme_per_slot
    yield 'landmarks', 'landmark_error_per_landmark', plots.landmark_map_figure(
        cells, schema.class_names, 1, 'mean error (NME)'
    ), (
        'Mean error of every landmark, visible and occluded, numbered as in the annotations; dark '
        'is bad, white means that there is no such landmark or none was found.'
    )  # fmt: skip
