# SPDX-License-Identifier: Apache-2.0
"""The main jobs: which files they leave and what is in them."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from deepmark.apis.demo import real_photograph, run_demo
from deepmark.apis.experiment import RESULT_FILES, nested_figures, run_experiment
from deepmark.engine.errors import RunError

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
EVALUATIONS = {'bbox', 'keypoints_visible_and_occluded', 'keypoints_visible'}


def test_figures_are_grouped_by_evaluation() -> None:
    logged = {
        'val/deepfashion2/bbox_AP': 0.5,
        'val/deepfashion2/bbox_AR_10': 0.6,
        'val/deepfashion2/keypoints_AP': 0.3,
        'val/deepfashion2/keypoints_AP50': 0.4,
        'val/deepfashion2/keypoints_visible_AP': 0.35,
        'val/data_time': 1.0,
    }
    assert nested_figures(logged) == {
        'bbox': {'AP': 0.5, 'AR_10': 0.6},
        'keypoints_visible_and_occluded': {'AP': 0.3, 'AP50': 0.4},
        'keypoints_visible': {'AP': 0.35},
    }


def test_missing_data_is_an_error_before_anything_starts(tmp_path: Path) -> None:
    options = {'train_dataloader.dataset.data_root': str(tmp_path / 'nothing')}
    with pytest.raises(RunError, match=r'train_dataloader\.dataset\.data_root'):
        run_experiment(str(CONFIGS / 'deepmark_garments_small.py'), tmp_path / 'run', options)


def test_the_real_photograph_is_there() -> None:
    image = cv2.imread(str(real_photograph()))
    assert image is not None
    assert min(image.shape[:2]) > 300


def check_results(work_dir: Path) -> None:
    metrics = json.loads((work_dir / 'metrics.json').read_text())
    assert set(metrics) == EVALUATIONS
    assert all(-1 <= figures['AP'] <= 1 for figures in metrics.values())
    for name in RESULT_FILES[1:]:
        assert cv2.imread(str(work_dir / name)) is not None, name


@pytest.mark.slow
def test_demo(tmp_path: Path) -> None:
    options = {'train_cfg.max_epochs': 1, 'train_cfg.val_interval': 1}
    (tmp_path / 'metrics.json').write_text('of an earlier run')
    experiment = run_demo(str(CONFIGS / 'deepmark_garments_small.py'), tmp_path, 16, 4, options)
    check_results(tmp_path)
    assert experiment.checkpoint.is_file()
    predicted = json.loads((tmp_path / 'real_photo/preds/grace_hopper.json').read_text())
    assert predicted['garments'] is not None
    assert (tmp_path / 'real_photo/vis').is_dir()


@pytest.mark.slow
def test_real_sample(tmp_path: Path, sample_folder: Path) -> None:
    options = {
        f'{loader}_dataloader.dataset.data_root': str(sample_folder)
        for loader in ('train', 'val', 'test')
    }
    options |= {'train_cfg.max_iters': 2, 'train_cfg.val_interval': 2}
    run_experiment(str(CONFIGS / 'deepmark_real_sample.py'), tmp_path, options, pictures=2)
    check_results(tmp_path)
