# SPDX-License-Identifier: Apache-2.0
"""The report on four generated photos with results that are wrong in known ways."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from deepmark.analysis.report import make_report
from deepmark.datasets.garments import make_garments
from deepmark.evaluation.coco_evaluation import evaluate
from deepmark.evaluation.diagnosis import diagnose
from deepmark.evaluation.garment_rows import DetectionRows
from deepmark.evaluation.json_layout import TruthFile, read_detections
from deepmark.evaluation.result_writer import write_detections
from deepmark.evaluation.truth_source import load_truth
from deepmark.schema import DEEPFASHION2

VOID = {'meta', 'img', 'br'}


class PageReader(HTMLParser):
    """Tags that are open, resources, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open_tags: list[str] = []
        self.resources: list[str] = []
        self.anchors: list[str] = []
        self.text = ''
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open_tags.append(tag)
        self.resources += [value or '' for name, value in attrs if name in ('src', 'href')]
        self.anchors += [value or '' for name, value in attrs if name == 'id']

    def handle_endtag(self, tag: str) -> None:
        assert self.open_tags.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + '\n'


@pytest.fixture(scope='module')
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``validation`` (four photos) and ``results.json``."""
    folder = tmp_path_factory.mktemp('report')
    make_garments(folder, 'validation', 4, seed=2, workers=1, progress=False)
    truth = load_truth(folder / 'validation' / 'annos', DEEPFASHION2)
    write_detections(folder / 'results.json', _noisy(truth))
    return folder


@pytest.fixture(scope='module')
def report(case: Path) -> Path:
    return make_report(case / 'validation', case / 'results.json', case / 'report')


def _noisy(truth: TruthFile) -> DetectionRows:
    """Every garment but the first, moved a little; and one false alarm in the first image."""
    rng, rows = np.random.default_rng(0), truth.rows
    owner = np.repeat(np.arange(len(rows)), DEEPFASHION2.num_keypoints[rows.labels])
    kept = np.arange(len(rows)) > 0
    points = rows.keypoints[kept[owner], :2]
    found = DetectionRows(
        image_ids=rows.image_ids[kept],
        labels=rows.labels[kept],
        boxes_xywh=rows.boxes_xywh[kept] + rng.normal(0, 3, (kept.sum(), 4)),
        scores=np.linspace(0.5, 0.9, kept.sum()),
        keypoints=points + rng.normal(0, 3, points.shape),
    )
    alarm = DetectionRows(
        image_ids=rows.image_ids[:1],
        labels=np.array([8]),
        boxes_xywh=np.array([[0.0, 0.0, 5.0, 5.0]]),
        scores=np.array([0.75]),
        keypoints=np.zeros((8, 2)),
    )
    return DetectionRows.concatenate([found, alarm])


def content(page: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((page.parent / 'report.json').read_text())
    return loaded


def test_the_page_is_one_whole_file(report: Path) -> None:
    text = report.read_text(encoding='utf-8')
    page = PageReader(text)
    assert page.open_tags == []
    assert not re.search(r'https?://|<script|@import|url\(', text)
    kinds = ('data:image/png;base64,', 'data:image/jpeg;base64,', '#')
    assert all(resource.startswith(kinds) for resource in page.resources)
    links = [resource[1:] for resource in page.resources if resource.startswith('#')]
    assert links == page.anchors
    assert len(links) == 9


def test_the_page_has_the_official_figures_and_says_how_they_were_made(
    case: Path, report: Path
) -> None:
    truth = load_truth(case / 'validation' / 'annos', DEEPFASHION2)
    detections = read_detections(case / 'results.json')
    figures = evaluate(truth.rows, detections, truth.image_ids)
    text = PageReader(report.read_text(encoding='utf-8')).text
    numbers = [
        f'{value:.3f}'
        for evaluation in figures.values()
        for value in evaluation.values()
        if not isinstance(value, list) and value >= 0
    ]
    assert len(numbers) > 15
    assert [number for number in numbers if f'\n{number}\n' not in text] == []
    assert 'official: garments without landmarks' in text
    assert re.search(r'hotcoco \d|pycocotools \d', text)
    assert f'4 images, {len(truth.rows)} garments' in text
    assert content(report)['figures'] == figures


def test_the_numbers_beside_it_are_those_of_the_diagnosis(case: Path, report: Path) -> None:
    truth = load_truth(case / 'validation' / 'annos', DEEPFASHION2)
    detections = read_detections(case / 'results.json')
    numbers = content(report)
    expected = diagnose(truth.rows, detections, truth.image_ids).to_json()
    assert numbers['diagnosis'] == json.loads(json.dumps(expected))
    overall = numbers['diagnosis']['errors']['overall']
    assert overall['detections']['background'] == overall['garments']['missed'] == 1
    assert list(numbers['slices']) == ['scale', 'occlusion', 'zoom_in', 'viewpoint']
    assert len(numbers['mean_precision_at_101_recalls']['bbox']['0.50']) == 101


def test_the_files_are_those_it_names_and_no_picture_is_blank(report: Path) -> None:
    files = sorted(entry.name for entry in report.parent.iterdir())
    assert files == content(report)['files']
    pictures = list(report.parent.glob('*.png'))
    assert {'precision_recall.png', 'confusion_matrix.png', 'worst_images.png', 'pck.png'} <= {
        picture.name for picture in pictures
    }
    for picture in pictures:
        assert cv2.imread(str(picture)).std() > 5, picture.name


def test_the_worst_image_is_the_first_with_its_errors_in_words(report: Path) -> None:
    (worst, *_) = content(report)['worst_images']
    assert worst['file_name'] == '000001.jpg'
    assert worst['badness'] == pytest.approx(1.75)
    assert worst['problems'][0] == 'background: skirt, score 0.75'
    assert worst['problems'][1].startswith('missed: ')
    assert worst['has_photo']
    text = PageReader(report.read_text(encoding='utf-8')).text
    assert '000001.jpg (image id 1), error score 1.75' in text
    assert 'grey' not in text.split('Worst images')[-1]


def test_boxes_alone_and_no_photos_are_said(case: Path, tmp_path: Path) -> None:
    rows = _noisy(load_truth(case / 'validation' / 'annos', DEEPFASHION2))
    boxes = DetectionRows(rows.image_ids, rows.labels, rows.boxes_xywh, rows.scores, None)
    write_detections(tmp_path / 'boxes.json.gz', boxes)
    page = make_report(
        case / 'validation' / 'annos', tmp_path / 'boxes.json.gz', images=tmp_path, worst=1
    )
    assert page == tmp_path / 'boxes_report' / 'report.html'
    text = page.read_text(encoding='utf-8')
    assert 'The results hold no landmarks.' in text
    assert f'1 of these 1 photos cannot be read in {tmp_path}, for instance 000001.jpg' in text
    assert not (page.parent / 'pck.png').exists()
    assert [image['has_photo'] for image in content(page)['worst_images']] == [False]


def test_a_missing_photo_folder_is_an_error_before_anything_is_written(
    case: Path, tmp_path: Path
) -> None:
    files = case / 'validation' / 'annos', case / 'results.json'
    with pytest.raises(FileNotFoundError, match='there is no such folder'):
        make_report(*files, tmp_path / 'out', images=tmp_path / 'absent')
    assert not (tmp_path / 'out').exists()
