# SPDX-License-Identifier: Apache-2.0
"""Result files scored without a model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepmark.apis.eval_results import EvalOptions, check_results, eval_results
from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.garment_rows import DetectionRows
from deepmark.evaluation.result_writer import write_detections

EVALUATIONS = ['bbox', 'keypoints_visible', 'keypoints_visible_and_occluded']
LANDMARKS = [value for k in range(8) for value in (10 * k, 20, 2)]


def skirt(image_id: int, x: float = 0) -> DetectionRows:
    """A detected skirt, 100 x 50 pixels large."""
    return DetectionRows(
        image_ids=np.array([image_id]),
        labels=np.array([8]),
        boxes_xywh=np.array([[x, 0, 100, 50]]),
        scores=np.array([0.5]),
        keypoints=np.array(LANDMARKS, float).reshape(-1, 3)[:, :2] + [x, 0],
    )


def truth_file(folder: Path, **changes: object) -> Path:
    """Images 1 and 2 with a skirt each, where ``skirt`` puts it."""
    skirt = {'category_id': 9, 'bbox': [0, 0, 100, 50], 'keypoints': LANDMARKS, **changes}
    annotations = [{'id': n, 'image_id': n, **skirt} for n in (1, 2)]
    path = folder / 'truth.json'
    path.write_text(json.dumps({'images': [{'id': 1}, {'id': 2}], 'annotations': annotations}))
    return path


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The skirt of image 1, found exactly."""
    path = tmp_path / 'results.json.gz'
    write_detections(path, skirt(1))
    return path


def test_half_of_the_skirts_found_gives_half_of_everything(tmp_path: Path, results: Path) -> None:
    out = tmp_path / 'out' / 'metrics.json'
    options = EvalOptions(results=str(results), truth=str(truth_file(tmp_path)), out=str(out))
    metrics = eval_results(options)
    assert json.loads(out.read_text()) == metrics
    assert list(metrics) == [*EVALUATIONS, 'settings']
    for name in EVALUATIONS:
        # Precision 1 up to recall .5: 51 of the 101 recall steps.
        assert metrics[name]['AP'] == pytest.approx(51 / 101), name
        assert metrics[name]['AP_per_category'][8] == pytest.approx(51 / 101), name
        assert metrics[name]['AP_per_category'][0] == -1, name
    assert metrics['bbox']['AR_100'] == metrics['keypoints_visible']['AR'] == 0.5
    settings = metrics['settings']
    assert (settings['images'], settings['garments'], settings['detections']) == (2, 2, 1)
    assert (settings['slots'], settings['schema']) == ('official', 'deepfashion2')
    with pytest.raises(FileExistsError, match=r'metrics\.json exists already'):
        eval_results(options)
    eval_results(replace(options, overwrite=True))


def test_slices_come_when_the_truth_states_attributes(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = truth_file(tmp_path, scale=3, occlusion=1)
    options = EvalOptions(results=str(results), truth=str(truth), slots='own_slots')
    metrics = eval_results(options)
    large = metrics['slices']['scale']['large']['keypoints_visible']
    assert (large['garments'], large['AP']) == (2, pytest.approx(51 / 101))
    assert metrics['slices']['scale']['small']['bbox']['AP'] == -1
    printed = capsys.readouterr().out
    assert 'AP by attribute' in printed
    assert "slots 'own_slots'. Engine: " in printed
    assert 'slices' not in eval_results(replace(options, slices=False))
    assert 'AP by attribute' not in capsys.readouterr().out.replace('No AP by attribute', '')


def test_slices_that_cannot_be_made_are_an_error(tmp_path: Path, results: Path) -> None:
    options = EvalOptions(results=str(results), truth=str(truth_file(tmp_path)), slices=True)
    with pytest.raises(EvaluationError, match='the truth states no attributes'):
        eval_results(options)


def test_no_results_score_zero(tmp_path: Path) -> None:
    path = tmp_path / 'results.json'
    path.write_text('[]')
    metrics = eval_results(EvalOptions(results=str(path), truth=str(truth_file(tmp_path))))
    assert [metrics[name]['AP'] for name in EVALUATIONS] == [0, 0, 0]


def test_boxes_alone_and_landmarks_alone_get_their_own_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, path = truth_file(tmp_path, scale=1), tmp_path / 'results.json'
    options = EvalOptions(results=str(path), truth=str(truth))
    write_detections(path, replace(skirt(1), keypoints=None))
    assert list(eval_results(options)) == ['bbox', 'slices', 'settings']
    assert 'No figures of landmarks' in capsys.readouterr().out
    path.write_text(
        json.dumps([{'image_id': 1, 'category_id': 9, 'score': 1, 'keypoints': LANDMARKS}])
    )
    metrics = eval_results(options)
    assert list(metrics) == [*EVALUATIONS[1:], 'slices', 'settings']
    assert list(metrics['slices']['scale']['small']) == EVALUATIONS[1:]
    assert metrics['keypoints_visible']['AP'] == pytest.approx(51 / 101)
    assert 'No figures of boxes' in capsys.readouterr().out


def test_results_of_another_split_are_refused(tmp_path: Path) -> None:
    path = tmp_path / 'results.json'
    write_detections(path, skirt(5))
    options = EvalOptions(results=str(path), truth=str(truth_file(tmp_path)))
    with pytest.raises(EvaluationError, match=r'\[0\]: image_id 5 is not among the 2 images of'):
        eval_results(options)
    with pytest.raises(EvaluationError, match='image_id 5 is not among the 2 images of'):
        check_results(str(path), options.truth)


def test_a_check_says_what_there_is(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_results(str(results)).results == 1
    check_results(str(results), str(truth_file(tmp_path)))
    first, second = capsys.readouterr().out.splitlines()
    assert first == f'{results}: valid; 1 results of 1 images, at most 1 an image'
    assert f'1 images, all of {tmp_path / "truth.json"}, at most' in second


def test_an_own_schema_has_own_categories(tmp_path: Path) -> None:
    (tmp_path / 'shoes.json').write_text(
        json.dumps(
            {
                'name': 'shoes',
                'categories': [
                    {'id': 4, 'name': 'boot', 'num_keypoints': 2, 'sigmas': [0.05, 0.05]}
                ],
            }
        )
    )
    points = [1, 2, 2, 9, 9, 2]
    boot = {'image_id': 1, 'category_id': 4, 'bbox': [0, 0, 10, 10], 'keypoints': points}
    (tmp_path / 'truth.json').write_text(json.dumps({'images': [{'id': 1}], 'annotations': [boot]}))
    (tmp_path / 'results.json').write_text(json.dumps([{**boot, 'score': 1}]))
    options = EvalOptions(
        results=str(tmp_path / 'results.json'),
        truth=str(tmp_path / 'truth.json'),
        schema=str(tmp_path / 'shoes.json'),
    )
    metrics = eval_results(options)
    assert metrics['keypoints_visible']['AP_per_category'] == [pytest.approx(1)]
    assert metrics['settings']['schema'] == 'shoes'


def test_mixed_parts_are_scored_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Equal scores: the first one in the file comes first."""
    path, truth = tmp_path / 'results.json', truth_file(tmp_path)
    right, wrong = skirt(1), skirt(1, x=500)
    options = EvalOptions(results=str(path), truth=str(truth))
    write_detections(path, DetectionRows.concatenate([right, wrong]))
    assert eval_results(options)['bbox']['AP'] == pytest.approx(51 / 101)
    write_detections(path, DetectionRows.concatenate([wrong, right]), overwrite=True)
    assert eval_results(options)['bbox']['AP'] == pytest.approx(51 / 101 / 2)
