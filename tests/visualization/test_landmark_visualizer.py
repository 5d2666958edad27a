# SPDX-License-Identifier: Apache-2.0
"""LandmarkVisualizer as mmdet's hooks and tools use it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from deepmark.registry import VISUALIZERS
from deepmark.schema import DEEPFASHION2
from deepmark.visualization import LandmarkVisualizer

SKIRT = 8
COLOR = np.array(DEEPFASHION2.palette[SKIRT])


@pytest.fixture
def visualizer() -> LandmarkVisualizer:
    return LandmarkVisualizer()


@pytest.fixture
def sample() -> DetDataSample:
    """A skirt in the left half as truth, in the right half as prediction, and a poor one."""
    keypoints = torch.zeros(2, DEEPFASHION2.max_keypoints, 2)
    keypoints[:, :8] = 60.0
    own = np.full((8, 3), [20, 60, 2], np.float32)
    return DetDataSample(
        metainfo={
            'ori_shape': (120, 160),
            'instances': [{'bbox': [10, 40, 50, 90], 'bbox_label': SKIRT, 'keypoints': own}],
        },
        pred_instances=InstanceData(
            bboxes=torch.tensor([[90.0, 40, 140, 90], [5, 100, 80, 115]]),
            labels=torch.tensor([SKIRT, SKIRT]),
            scores=torch.tensor([0.9, 0.1]),
            keypoints=keypoints,
        ),
    )


def colored(picture: np.ndarray) -> np.ndarray:
    """(H, W) where the picture has the skirt's colour."""
    return np.abs(picture.astype(int) - COLOR).max(axis=2) < 12


def test_truth_is_left_and_prediction_right(
    visualizer: LandmarkVisualizer, sample: DetDataSample
) -> None:
    picture = visualizer.draw_sample(np.zeros((120, 160, 3), np.uint8), sample)
    assert picture.shape == (120, 320, 3)
    truth, prediction = colored(picture[:, :160]), colored(picture[:, 160:])
    assert truth[60, 10]  # left edge of the true box
    assert not truth[60, 140]
    assert prediction[60, 140]  # right edge of the predicted box
    assert not prediction[60, 10]
    assert not prediction[115, 20]  # the poor one is below the threshold


@pytest.mark.parametrize(
    ('draw_gt', 'draw_pred', 'width'), [(True, False, 160), (False, True, 160), (False, False, 160)]
)
def test_one_side_or_none(
    visualizer: LandmarkVisualizer,
    sample: DetDataSample,
    draw_gt: bool,
    draw_pred: bool,
    width: int,
) -> None:
    blank = np.zeros((120, 160, 3), np.uint8)
    picture = visualizer.draw_sample(blank, sample, draw_gt, draw_pred)
    assert picture.shape == (120, width, 3)
    assert colored(picture).any() == (draw_gt or draw_pred)


def test_the_registry_builds_it_and_a_file_is_written(
    sample: DetDataSample, tmp_path: Path
) -> None:
    visualizer = VISUALIZERS.build(
        {'type': 'deepmark.LandmarkVisualizer', 'name': 'of this test', 'schema': 'deepfashion2'}
    )
    assert visualizer.dataset_meta['classes'] == DEEPFASHION2.class_names
    visualizer.dataset_meta = {'classes': DEEPFASHION2.class_names}  # as the runner sets it
    path = tmp_path / 'picture.png'
    visualizer.add_datasample('name', np.zeros((120, 160, 3), np.uint8), sample, out_file=str(path))
    written = cv2.imread(str(path))[..., ::-1]
    assert colored(written[:, 160:])[60, 140]
    assert visualizer.get_image().shape == (120, 320, 3)


def test_backends_get_the_picture(sample: DetDataSample, tmp_path: Path) -> None:
    visualizer = LandmarkVisualizer(
        name='with backend', vis_backends=[{'type': 'LocalVisBackend'}], save_dir=str(tmp_path)
    )
    visualizer.add_datasample('skirt', np.zeros((120, 160, 3), np.uint8), sample, step=7)
    [path] = tmp_path.rglob('skirt_7.png')
    assert cv2.imread(str(path)).shape == (120, 320, 3)


def test_every_rank_writes_its_files_and_rank_0_alone_has_backends(
    sample: DetDataSample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visualizer = LandmarkVisualizer(
        name='of rank 1',
        vis_backends=[{'type': 'LocalVisBackend'}],
        save_dir=str(tmp_path / 'backend'),
    )
    monkeypatch.setattr('mmengine.dist.utils.get_rank', lambda group=None: 1)
    blank = np.zeros((120, 160, 3), np.uint8)
    path = tmp_path / 'shown' / 'picture.png'
    path.parent.mkdir()
    path.write_bytes(b'of another rank')
    visualizer.add_datasample('skirt', blank, sample, out_file=str(path))
    visualizer.add_datasample('skirt', blank, sample)
    assert [file for file in tmp_path.rglob('*') if file.is_file()] == [path]
    assert cv2.imread(str(path)).shape == (120, 320, 3)


def test_without_a_sample_the_image_is_shown(visualizer: LandmarkVisualizer) -> None:
    picture = visualizer.draw_sample(np.full((4, 5, 3), 300.0))
    assert picture.dtype == np.uint8
    assert (picture == 255).all()
