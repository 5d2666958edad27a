# SPDX-License-Identifier: Apache-2.0
"""Pieces of the report that need no generated photo."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from deepmark.analysis.report.html_parts import Row, Section, page, picture, table
from deepmark.analysis.report.plots import draw_plots
from deepmark.analysis.report.report_data import ReportData, evaluate_for_report
from deepmark.analysis.report.sections import all_sections, introduction
from deepmark.analysis.report.worst_images import WorstImage, collect_worst
from deepmark.evaluation.diagnosis import diagnose
from deepmark.evaluation.garment_rows import DetectionRows, TruthRows
from deepmark.evaluation.json_layout import ResultFile, TruthFile
from deepmark.schema import DEEPFASHION2

NAMES = ['a/000001.jpg', '']
WIDTH, HEIGHT = 120, 60


def skirts() -> TruthRows:
    """One skirt in each of two images, its landmarks occluded."""
    line = np.array([(20 + 10 * k, 30, 1) for k in range(8)], float)
    return TruthRows(
        image_ids=np.array([1, 2]),
        labels=np.array([8, 8]),
        boxes_xywh=np.array([[10, 10, 100, 40]] * 2, float),
        crowd=np.zeros(2, np.bool_),
        keypoints=np.tile(line, (2, 1)),
    )


def truth_file(image_wh: list[tuple[int, int]]) -> TruthFile:
    return TruthFile(np.array([1, 2]), skirts(), NAMES, np.array(image_wh))


def worst(truth: TruthFile, folder: Path | None) -> list[WorstImage]:
    nothing = DetectionRows.concatenate([])
    diagnosis = diagnose(truth.rows, nothing, truth.image_ids)
    return collect_worst(5, truth, nothing, diagnosis, folder)


def report_data(detections: DetectionRows, has_boxes: bool = True) -> ReportData:
    results = ResultFile(detections, has_boxes)
    truth = truth_file([(WIDTH, HEIGHT)] * 2)
    return evaluate_for_report(truth, results, DEEPFASHION2, ('<b>truth & co', 'results'))


def test_texts_are_escaped_and_values_stand_to_the_right() -> None:
    html = table(['a<', 'b'], [Row(['x & y', '<1>'], 'total')], 'c>')
    assert '<th scope="col">a&lt;</th>' in html
    assert '<tr class="total"><th scope="row">x &amp; y</th><td>&lt;1&gt;</td></tr>' in html
    assert '<caption>c&gt;</caption>' in html
    assert '<title>a &amp; b</title>' in page('a & b', '', [Section('s', 'S', '')], '')
    assert 'text-align: right' in page('', '', [], '')
    assert picture(b'abc', 'png', '"', 'c') == (
        '<figure><img alt="&quot;" src="data:image/png;base64,YWJj">'
        '<figcaption>c</figcaption></figure>'
    )
    assert '&lt;b&gt;truth &amp; co' in introduction(report_data(DetectionRows.concatenate([])))


def test_photos_are_found_by_path_or_name_and_the_others_are_grey(tmp_path: Path) -> None:
    photo = np.full((HEIGHT, WIDTH, 3), (255, 0, 0), np.uint8)  # BGR: blue
    cv2.imwrite(str(tmp_path / '000001.jpg'), photo)  # not in a/
    (tmp_path / '000002.jpg').write_bytes(b'no photo')
    first, second = worst(truth_file([(WIDTH, HEIGHT)] * 2), tmp_path)
    assert (first.has_photo, second.has_photo) == (True, False)
    assert (first.file_name, second.file_name) == ('a/000001.jpg', '000002.jpg')
    assert first.drawing.image[0, 0, 2] > 200  # RGB
    assert second.drawing.image.shape == (HEIGHT, WIDTH, 3)
    assert first.problems == second.problems == ['missed: skirt']
    assert first.badness == 1


def test_a_photo_of_another_size_is_said_and_unknown_sizes_are_guessed(tmp_path: Path) -> None:
    (tmp_path / 'a').mkdir()
    cv2.imwrite(str(tmp_path / 'a' / '000001.jpg'), np.zeros((30, 40, 3), np.uint8))
    first, second = worst(truth_file([(WIDTH, HEIGHT), (0, 0)]), tmp_path)
    assert first.problems[-1] == 'the photo has 40 x 30 pixels, the truth says 120 x 60'
    assert second.drawing.image.shape == (120, 130, 3)  # the box ends at (110, 50), 100 at least


def test_occluded_landmarks_and_boxes_reach_the_drawing() -> None:
    truth = worst(truth_file([(WIDTH, HEIGHT)] * 2), None)[0].drawing.truth
    assert truth is not None
    assert truth.visibility is not None
    assert truth.keypoints is not None
    assert truth.boxes_xyxy.tolist() == [[10, 10, 110, 50]]
    assert truth.visibility[0, :8].tolist() == [1] * 8
    assert truth.keypoints[0, 7].tolist() == [90, 30]


@pytest.mark.parametrize('has_boxes', [True, False])
def test_a_page_of_nothing_found(has_boxes: bool) -> None:
    data = report_data(DetectionRows.concatenate([]), has_boxes)
    plots = draw_plots(data)
    assert not any(plot.section == 'landmarks' for plot in plots)
    sections = {section.anchor: section.body for section in all_sections(data, plots, [], '')}
    assert 'None was asked for.' in sections['worst']
    assert '0 of the 2 with labelled landmarks (0.0%)' in sections['landmarks']
    assert 'The truth states no attributes' in sections['attributes']
    assert ('extents of their landmarks' in introduction(data)) == (not has_boxes)
    assert ('bbox' in data.figures) == ('AP boxes' in sections['categories']) == has_boxes
