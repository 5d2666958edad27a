# SPDX-License-Identifier: Apache-2.0
"""Official truth files through the packed records and back: the evaluation sees no difference."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from deepmark.datasets.coco_reader import CocoReader
from deepmark.datasets.coco_writer import Layout, write_coco
from deepmark.datasets.problems import Kind, Problems
from deepmark.datasets.records import PackedRecords
from deepmark.evaluation.coco_evaluation import evaluate
from deepmark.evaluation.engines.engine import VISIBLE, VISIBLE_AND_OCCLUDED
from deepmark.evaluation.json_layout import read_detections, read_truth
from deepmark.schema import DEEPFASHION2

CASE_FILES = ('gt.json.gz', 'detections.json.gz')


def records_of(file: Path) -> PackedRecords:
    """All of a truth file; the cases call the categories '1' .. '13'."""
    problems = Problems('warn')
    reader = CocoReader(file, file.parent, DEEPFASHION2, check_images=False)
    packed = reader.read(problems).packed
    assert problems.counts().keys() <= {Kind.CATEGORY_NAME, Kind.NO_ITEM}
    return packed


@pytest.mark.parametrize('layout', ['dense', 'compact'])
def test_written_again(case_folder: Path, tmp_path: Path, layout: Layout) -> None:
    source, target = case_folder / 'gt.json.gz', tmp_path / 'gt.json'
    write_coco(target, records_of(source), layout=layout)
    expected, found = read_truth(source), read_truth(target)
    assert found.image_ids.tolist() == expected.image_ids.tolist()
    for field in fields(expected.rows):
        first, second = getattr(expected.rows, field.name), getattr(found.rows, field.name)
        np.testing.assert_array_equal(second, first, field.name)


def test_visible_only_file_gives_the_figures_of_visible_landmarks(
    case_folder: Path, tmp_path: Path
) -> None:
    source, target = case_folder / 'gt.json.gz', tmp_path / 'visible.json'
    write_coco(target, records_of(source), visible_only=True)
    detections = read_detections(case_folder / 'detections.json.gz')
    whole, visible = read_truth(source), read_truth(target)
    expected = evaluate(whole.rows, detections, whole.image_ids)[VISIBLE]
    found = evaluate(visible.rows, detections, visible.image_ids)
    assert found[VISIBLE_AND_OCCLUDED] == found[VISIBLE] == expected
