# SPDX-License-Identifier: Apache-2.0
"""The sections of the page: tables, plots and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import cv2
import numpy as np

from deepmark.analysis.report.html_parts import (
    Row,
    Section,
    definitions,
    heading,
    paragraph,
    picture,
    table,
    tiles,
)
from deepmark.analysis.report.plots import NORMALIZER_TEXTS, Plot, words
from deepmark.analysis.report.report_data import SHORT_TITLES, ReportData
from deepmark.analysis.report.worst_images import WorstImage
from deepmark.evaluation.diagnosis.error_breakdown import DETECTION_CLASSES, TRUTH_STATES
from deepmark.evaluation.diagnosis.landmark_errors import LandmarkErrors
from deepmark.schema import LandmarkSchema
from deepmark.visualization.contact_sheet import contact_sheet

_NONE = '–'
_SLOT_TEXTS = {
    'official': 'official: garments without landmarks are compared over all slots, the other '
    "categories' lying at (0, 0), as in the official files",
    'own_slots': "own_slots: garments without landmarks are compared over their category's own "
    'landmarks; landmark figures differ from the official ones where such garments are',
}
_CLASS_TEXTS = {
    'correct': 'right category, IoU ≥ {iou:g}, OKS ≥ {oks:g}',
    'landmarks_off': 'right category and box, but OKS < {oks:g}',
    'wrong_category': 'IoU ≥ {iou:g} with a garment of another category',
    'box_off': 'right category, but IoU only {low:g} to {iou:g}',
    'wrong_category_and_box': 'another category, and IoU only {low:g} to {iou:g}',
    'duplicate': 'the garment was found already, with a better score',
    'background': 'IoU < {low:g} with every garment',
}
_STATE_TEXTS = {
    'found': 'right category and IoU ≥ {iou:g}',
    'misjudged': 'not found, but a detection with the wrong category or a box that is off '
    'lies on it',
    'missed': 'nothing of this kind lies on it',
}


def introduction(data: ReportData) -> str:
    """What was evaluated, and the headline numbers."""
    counts = data.counts
    facts = {
        'truth': data.truth_name,
        'results': data.results_name,
        'size': f'{counts["images"]:,} images, {counts["garments"]:,} garments, '
        f'{counts["detections"]:,} detections',
        'slots': _SLOT_TEXTS[data.slots],
        'engine': data.backend,
    }
    if not data.has_boxes:
        facts['boxes'] = (
            'the results have none, so they are not scored; garments are matched by the extents '
            'of their landmarks'
        )
    headline = {
        f'AP, {title}': _figure(data.figures[name]['AP'])
        for name, title in data.evaluations.items()
    }
    return definitions(facts) + tiles(headline)


def all_sections(
    data: ReportData, plots: Sequence[Plot], worst: Sequence[WorstImage], photo_note: str
) -> list[Section]:
    """Every section, in the order of the page."""
    drawn = {section: _plots(section, plots) for section in {plot.section for plot in plots}}
    sections = [
        Section('figures', 'Official figures', _figures(data)),
        Section('curves', 'Precision and recall', drawn['curves']),
        Section('categories', 'Categories', _categories(data) + drawn['categories']),
        Section('attributes', 'Attributes', _attributes(data)),
        Section('errors', 'Kinds of errors', _errors(data) + drawn['errors']),
        Section('confusion', 'Confusions', _confusion_text(data) + drawn['confusion']),
        Section('landmarks', 'Landmark errors', _landmarks(data) + drawn.get('landmarks', '')),
        Section('scores', 'Scores', _scores(data) + drawn['scores']),
    ]
    return [*sections, Section('worst', 'Worst images', _worst(data, worst, photo_note))]


def _plots(section: str, plots: Sequence[Plot]) -> str:
    return ''.join(
        picture(plot.png, 'png', words(plot.file_name.removesuffix('.png')), escape(plot.caption))
        for plot in plots
        if plot.section == section
    )


def _figures(data: ReportData) -> str:
    columns = list(
        dict.fromkeys(
            name
            for figures in data.figures.values()
            for name, value in figures.items()
            if not isinstance(value, list)
        )
    )
    rows = []
    for column in columns:
        values = (data.figures[name].get(column) for name in data.evaluations)
        cells = ['' if value is None else _figure(value) for value in values]
        rows.append(Row([words(column), *cells]))
    return paragraph(
        'COCO-style averages over the thresholds .50:.05:.95 of IoU (boxes) or OKS (landmarks) '
        f'and over the categories. {_NONE} means that there is nothing to find.'
    ) + table(['figure', *data.evaluations.values()], rows, '')


def _categories(data: ReportData) -> str:
    diagnosis = data.diagnosis
    found = diagnosis.errors.truths[:, TRUTH_STATES.index('found')]
    landmarks = diagnosis.visible_and_occluded
    head = ['category', 'garments', *(f'AP {SHORT_TITLES[name]}' for name in data.evaluations)]
    rows = []
    for label, name in enumerate(data.schema.class_names):
        cells = [name, f'{data.garments[label]:,}']
        cells += [_figure(data.figures[key]['AP_per_category'][label]) for key in data.evaluations]
        cells.append(_share(found[label], data.garments[label]))
        if landmarks is not None:
            cells.append(_number(landmarks.nme_per_category[label]))
        rows.append(Row(cells))
    total = ['all', f'{data.garments.sum():,}']
    total += [_figure(data.figures[key]['AP']) for key in data.evaluations]
    total.append(_share(found.sum(), data.garments.sum()))
    if landmarks is not None:
        total.append(_number(landmarks.nme))
    head += ['found', *(['NME'] if landmarks is not None else [])]
    settings = diagnosis.settings
    return table(
        head,
        [*rows, Row(total, 'total')],
        f'found: share of the garments with a detection of their category at IoU ≥ '
        f'{settings.iou_threshold:g} and score ≥ {settings.score_threshold:g}. NME: mean landmark '
        'error, see below.',
    )


def _attributes(data: ReportData) -> str:
    if data.slices is None:
        return paragraph(
            'The truth states no attributes (scale, occlusion, zoom_in, viewpoint), so there is '
            "nothing to split by. Take DeepFashion2's own annotation folder or a file made from "
            'it with its attributes.'
        )
    head = ['level', 'garments']
    for name in data.evaluations:
        head += [f'AP {SHORT_TITLES[name]}', 'AP50', 'AP75']
    rows = []
    for attribute, levels in data.slices.items():
        for number, (level, evaluations) in enumerate(levels.items()):
            first = next(iter(evaluations.values()))
            cells = [f'{words(attribute)}: {level}', f'{first["garments"]:,}']
            for name in data.evaluations:
                cells += [_figure(evaluations[name][key]) for key in ('AP', 'AP50', 'AP75')]
            rows.append(Row(cells, '' if number else 'group'))
    return paragraph(
        'Garments of the other levels count as ignored truth: finding one is neither right nor '
        'wrong. A detection on nothing is an error in every row, so rare levels have a low AP: '
        'compare models within a row rather than rows.'
    ) + table(head, rows, '')


def _errors(data: ReportData) -> str:
    settings, errors = data.diagnosis.settings, data.diagnosis.errors
    limits = {
        'iou': settings.iou_threshold,
        'oks': settings.oks_threshold,
        'low': settings.background_iou,
    }
    parts = [
        paragraph(
            f'Detections with a score of at least {settings.score_threshold:g}. Each is in exactly '
            'one class.'
        )
    ]
    for head, names, counts, texts in (
        ('detections', DETECTION_CLASSES, errors.detections.sum(axis=0), _CLASS_TEXTS),
        ('garments', TRUTH_STATES, errors.truths.sum(axis=0), _STATE_TEXTS),
    ):
        rows = [
            Row([f'{words(name)} ({texts[name].format(**limits)})', f'{count:,}', share])
            for name, count, share in zip(
                names, counts, [_share(c, counts.sum()) for c in counts], strict=True
            )
        ]
        parts.append(table([head, 'count', 'share'], rows, ''))
    return ''.join(parts)


def _confusion_text(data: ReportData) -> str:
    settings = data.diagnosis.settings
    return paragraph(
        f'Detections with a score of at least {settings.score_threshold:g} are matched to garments '
        f'of any category at IoU ≥ {settings.iou_threshold:g}, best scores first.'
    )


def _landmarks(data: ReportData) -> str:
    diagnosis = data.diagnosis
    both, visible = diagnosis.visible_and_occluded, diagnosis.visible
    if both is None or visible is None:
        return paragraph('The results hold no landmarks.')
    settings = diagnosis.settings
    matched, labelled = diagnosis.matched_garments.sum(), diagnosis.labelled_garments.sum()
    text = (
        f'Garments found at IoU ≥ {settings.iou_threshold:g} and score ≥ '
        f'{settings.score_threshold:g} with the right category: {matched:,} of the {labelled:,} '
        f'with labelled landmarks ({_share(matched, labelled)}). Missed garments are not in these '
        'figures, so they can be compared only at a like share. An error is the distance divided '
        f'by the {NORMALIZER_TEXTS[settings.normalizer]} of the true garment; NME is its mean, '
        'PCK the share below a threshold.'
    )
    head = ['landmarks', 'count', 'NME', *(f'PCK@{t:g}' for t in settings.pck_thresholds)]
    rows = [
        Row([title, f'{part.count:,}', _number(part.nme), *map(_number, part.pck.tolist())])
        for title, part in (('visible + occluded', both), ('visible', visible))
    ]
    body = paragraph(text) + table(head, rows, '')
    if not both.count:
        return body
    title = heading('The ten landmarks with the largest mean error')
    return body + title + _worst_landmarks(both, data.schema)


def _worst_landmarks(errors: LandmarkErrors, schema: LandmarkSchema) -> str:
    labels = np.repeat(np.arange(schema.num_categories), schema.num_keypoints)
    numbers = np.arange(schema.num_slots) - schema.slot_offsets[labels] + 1
    order = np.argsort(-np.nan_to_num(errors.nme_per_slot, nan=-1), kind='stable')[:10]
    rows = [
        Row(
            [
                f'{schema.class_names[labels[slot]]}, landmark {numbers[slot]}',
                f'{errors.count_per_slot[slot]:,}',
                _number(errors.nme_per_slot[slot]),
                *map(_number, errors.pck_per_slot[slot].tolist()),
            ]
        )
        for slot in order.tolist()
        if errors.count_per_slot[slot]
    ]
    return table(
        ['landmark', 'count', 'NME', *(f'PCK@{t:g}' for t in errors.thresholds)],
        rows,
        'Visible and occluded; numbered from 1 as in the annotations.',
    )


def _scores(data: ReportData) -> str:
    error = data.diagnosis.scores.calibration_error()
    return paragraph(
        'Mean gap between a score and the share of detections that found a garment (expected '
        f'calibration error, {len(data.diagnosis.scores.found)} bins): {_number(error)}.'
    )


def _worst(data: ReportData, worst: Sequence[WorstImage], photo_note: str) -> str:
    if not worst:
        has_errors = data.diagnosis.image_badness.any()
        return paragraph('None was asked for.' if has_errors else 'No image has an error.')
    threshold = data.diagnosis.settings.score_threshold
    text = (
        'Images are ordered by their error score, the number of missed garments plus the scores '
        f'of the wrong detections (from {threshold:g} on). Left the truth, right the prediction; '
        'dots are visible landmarks, rings occluded ones.'
    )
    figures = ''.join(_worst_figure(image, data.schema) for image in worst)
    note = paragraph(photo_note) if photo_note else ''
    return paragraph(text) + note + f'<div class="sheet">{figures}</div>'


def _worst_figure(image: WorstImage, schema: LandmarkSchema) -> str:
    sheet = contact_sheet([image.drawing], schema, cell=360)
    _, encoded = cv2.imencode('.jpg', sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    problems = ''.join(f'<li>{escape(problem)}</li>' for problem in image.problems)
    title = f'{image.file_name} (image id {image.image_id}), error score {image.badness:.2f}'
    caption = f'<strong>{escape(title)}</strong><ul>{problems}</ul>'
    return picture(encoded.tobytes(), 'jpeg', f'truth and prediction of {title}', caption)


def _figure(value: float) -> str:
    """An official figure: -1 says that there is nothing to find."""
    return _NONE if value < 0 else f'{value:.3f}'


def _number(value: float) -> str:
    return _NONE if np.isnan(value) else f'{value:.3f}'


def _share(part: float, whole: float) -> str:
    return f'{part / whole:.1%}' if whole else _NONE
