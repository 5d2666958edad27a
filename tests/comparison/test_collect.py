# SPDX-License-Identifier: Apache-2.0
"""From the files of a run to its row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mmengine.config import Config

from deepmark.comparison.collect import (
    collect_run,
    has_detected_boxes,
    named_figures,
    per_category,
    place_of,
    read_progress,
    thinned,
)
from deepmark.comparison.jobs import Progress
from deepmark.comparison.results import CurvePoint

METRICS = {
    'deepfashion2/bbox_AP': 0.5,
    'deepfashion2/bbox_AP_small': -1.0,
    'deepfashion2/bbox_AP_short_sleeve_top': 0.75,
    'deepfashion2/bbox_AP_vest': -1.0,
    'deepfashion2/keypoints_AP_vest': 0.0,
    'deepfashion2/keypoints_visible_AP_vest': 0.1,
    'deepfashion2/keypoints_AP_occlusion_heavy': 0.2,
    'coco/segm_mAP': 0.3,
    'coco/other': float('nan'),
}
CATEGORIES = ['short sleeve top', 'vest']


def write_lines(path: Path, *lines: dict) -> None:
    path.write_text(''.join(json.dumps(line) + '\n' for line in lines))


def test_figures_without_categories_and_without_truth() -> None:
    assert named_figures(METRICS, CATEGORIES) == {
        'bbox_AP': 0.5,
        'keypoints_AP_occlusion_heavy': 0.2,
        'coco/segm_mAP': 0.3,
    }


def test_categories_with_truth() -> None:
    expected = {'bbox_AP': {'short sleeve top': 0.75}, 'keypoints_AP': {'vest': 0.0}}
    assert per_category(METRICS, CATEGORIES) == expected


def test_a_run_of_files(tmp_path: Path) -> None:
    """Half-way between steps 10 (40 images, 60 s) and 20 (80 images, 180 s): 60 images, 2 min."""
    folder = tmp_path / 'a' / 'seed1'
    scalars = folder / '20260101_000000' / 'vis_data' / 'scalars.json'
    scalars.parent.mkdir(parents=True)
    (folder / 'job.json').write_text('{}')
    write_lines(scalars, {'iter': 15, 'step': 15, 'loss': 3.0})
    write_lines(
        folder / 'progress.jsonl',
        {'stage': 'train', 'step': 10, 'steps': 20, 'images': 40, 'seconds': 60.0,
         'figures': {'deepfashion2/bbox_AP': 0.25, 'deepfashion2/bbox_AP50': 0.5}},
        {'stage': 'evaluate', 'step': 1, 'steps': 3},
        {'stage': 'train', 'step': 20, 'steps': 20, 'images': 80, 'seconds': 180.0},
    )  # fmt: skip
    run = collect_run(folder, 1, tmp_path)
    assert (run.status, run.work_dir) == ('interrupted', 'a/seed1')
    assert run.losses == [CurvePoint(60, 2.0, {'loss': 3.0})]
    assert run.curve == [CurvePoint(40, 1.0, {'bbox_AP': 0.25})]
    trained = {
        'checkpoint': 'x.pth', 'iterations': 20, 'images': 80, 'seconds': 180.0,
        'peak_memory_mib': None, 'notes': [],
    }  # fmt: skip
    (folder / 'trained.json').write_text(json.dumps(trained))
    tested = {'metrics': {'deepfashion2/bbox_AP': 0.5}, 'categories': []}
    (folder / 'tested.json').write_text(json.dumps(tested))
    run = collect_run(folder, 1, tmp_path)
    assert (run.status, run.train_minutes, run.images_seen) == ('finished', 3.0, 80)
    assert run.curve[-1] == CurvePoint(80, 3.0, {'bbox_AP': 0.5})


def test_nothing_and_an_error(tmp_path: Path) -> None:
    folder = tmp_path / 'seed0'
    assert collect_run(folder, 0, tmp_path).status == 'not run'
    folder.mkdir()
    (folder / 'job.json').write_text('{}')
    (folder / 'error.txt').write_text('ValueError: bad\n')
    run = collect_run(folder, 0, tmp_path)
    assert (run.status, run.error) == ('failed', 'ValueError: bad')


def test_a_resumed_training_replaces_what_it_did_anew(tmp_path: Path) -> None:
    path = tmp_path / 'progress.jsonl'
    steps = [(1, 5.0), (2, 10.0), (3, 15.0), (2, 12.0), (3, 18.0)]
    lines = [{'stage': 'train', 'step': step, 'steps': 3, 'seconds': s} for step, s in steps]
    write_lines(path, *lines)
    with path.open('a') as file:
        file.write('{"stage": "tra')
    kept = [(line.step, line.seconds) for line in read_progress(path)]
    assert kept == [(1, 5.0), (2, 10.0), (2, 12.0), (3, 18.0)]


def test_places_between_lines() -> None:
    trace = [Progress('train', 4, 8, 8, 2.0), Progress('train', 8, 8, 16, 10.0)]
    assert place_of(trace, 2) == (4, 1)
    assert place_of(trace, 4) == (8, 2)
    assert place_of(trace, 6) == (12, 6)
    assert place_of(trace, 9) is None


@pytest.mark.parametrize('most', [2, 3, 7])
def test_thinned_keeps_the_ends(most: int) -> None:
    kept = thinned(list(range(50)), most)
    assert len(kept) == most
    assert (kept[0], kept[-1]) == (0, 49)


def test_boxes_of_a_detector() -> None:
    inner = {'type': 'deepmark.DeepFashion2TopDownDataset', 'bbox_file': 'boxes.json'}
    wrapped = Config({'test_dataloader': {'dataset': {'dataset': inner}}})
    assert has_detected_boxes(wrapped)
    assert not has_detected_boxes(Config({'test_dataloader': {'dataset': {'type': 'X'}}}))
