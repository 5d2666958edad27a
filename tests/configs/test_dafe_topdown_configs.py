# SPDX-License-Identifier: Apache-2.0
"""Top-down leaves of DeepFashion2 and of drawn garments: they build, train a step and predict."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.model import BaseModel
from mmengine.registry import OPTIM_WRAPPERS, init_default_scope

from deepmark.analysis.family import parse_leaf
from deepmark.datasets.pose_metainfo import pose_metainfo
from deepmark.evaluation.pose_sample_rows import rows_of_pose_sample
from deepmark.registry import MODELS
from deepmark.schema import DEEPFASHION2

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / 'dafe'
LEAVES = sorted(
    path.name
    for pattern in ('deepfashion2_*.py', 'garments_topdown_*.py')
    for path in CONFIGS.glob(pattern)
)
PARTS = {
    'both': (True, 'squeeze'),
    'spatial': (True, None),
    'channel': (False, 'squeeze'),
    'none': (False, None),
}


def load(name: str) -> Config:
    init_default_scope('mmpose')
    return Config.fromfile(CONFIGS / name)


def narrow_model(cfg: Config) -> BaseModel:
    """The same network with few channels and random weights, so that a step takes a second."""
    backbone = cfg.model.backbone
    if backbone.type == 'ResNet':
        backbone.update(base_channels=8, stem_channels=8, init_cfg=None)
    elif backbone.type == 'HRNet':
        backbone.init_cfg = None
        for stage in (2, 3, 4):
            backbone.extra[f'stage{stage}'].num_channels = (8, 8, 8, 8)[:stage]
            backbone.extra[f'stage{stage}'].num_modules = 1
        cfg.model.head.in_channels = 8
    else:
        backbone.checkpoint = None
    if backbone.type == 'ResNet' and cfg.model.get('neck') is None:
        cfg.model.head.update(in_channels=256, deconv_out_channels=(8, 8, 8))
    elif backbone.type == 'ResNet':
        cfg.model.neck.update(in_channels=(32, 64, 128, 256), out_channels=8, squeeze_channels=16)
        cfg.model.head.in_channels = 8
    torch.manual_seed(0)
    return MODELS.build(cfg.model)


@pytest.fixture(scope='session')
def photo(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp('photo') / '000001.png'
    generator = np.random.default_rng(0)
    cv2.imwrite(str(path), generator.integers(0, 255, (150, 200, 3), dtype=np.uint8))
    return str(path)


def skirt(photo: str, **changes: Any) -> dict[str, Any]:
    """A sample of the data set: a skirt (slots 182 .. 189) in the box 50 20 150 140."""
    keypoints = np.zeros((1, 294, 2), np.float32)
    keypoints[0, 182:190] = np.random.default_rng(0).uniform([60, 30], [140, 130], (8, 2))
    visible = np.zeros((1, 294), np.float32)
    visible[0, 182:190] = 1
    return {
        'img_path': photo,
        'img_id': 1,
        'id': 5,
        'category_id': 9,
        'bbox': np.array([[50, 20, 150, 140]], np.float32),
        'bbox_score': np.ones(1, np.float32),
        'keypoints': keypoints,
        'keypoints_visible': visible,
        'flip_indices': DEEPFASHION2.slot_flip_index.tolist(),
        'dataset_keypoint_weights': np.array(pose_metainfo(DEEPFASHION2)['joint_weights']),
        **changes,
    }


def batch(pipeline: Any, photo: str) -> dict[str, Any]:
    transform = Compose(list(pipeline))
    data: dict[str, Any] = pseudo_collate([transform(skirt(photo)) for _ in range(2)])
    return data


@pytest.mark.parametrize('name', LEAVES)
def test_one_training_and_one_test_step(name: str, photo: str) -> None:
    cfg = load(name)
    model = narrow_model(cfg).train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    before = [p.detach().clone() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=cfg.optim_wrapper.optimizer.lr)
    wrapper = {'type': 'OptimWrapper', **cfg.optim_wrapper, 'optimizer': optimizer}
    wrapper.pop('paramwise_cfg', None)
    data = batch(cfg.train_dataloader.dataset.pipeline, photo)
    width, height = cfg.model.head.decoder.heatmap_size
    assert data['data_samples'][0].gt_fields.heatmaps.shape == (39, height, width)
    losses = model.train_step(data, OPTIM_WRAPPERS.build(wrapper))
    assert losses['loss'].isfinite()
    assert all(not torch.equal(old, new) for old, new in zip(before, parameters, strict=True))

    model.eval()
    with torch.no_grad():
        result = model.test_step(batch(cfg.test_dataloader.dataset.pipeline, photo))[0]
    rows = rows_of_pose_sample(result.to_dict(), DEEPFASHION2)
    assert rows.key == (1, 5)
    assert rows.detections.boxes_xywh.tolist() == [[50, 20, 100, 120]]
    keypoints = rows.detections.keypoints
    assert keypoints is not None
    assert keypoints.shape == (8, 2)
    # Inside the crop: the box with mmpose's padding of 1.25, widened to the crop's shape.
    assert (keypoints > [100 - 80, 80 - 100]).all()
    assert (keypoints < [100 + 80, 80 + 100]).all()


@pytest.mark.parametrize('name', LEAVES)
def test_a_leaf_is_short_and_says_what_it_is(name: str) -> None:
    text = (CONFIGS / name).read_text()
    assert len(text.splitlines()) <= 50
    leaf = parse_leaf(CONFIGS / name)
    assert leaf.paper.startswith('-')  # no figure of DAFE is known
    assert re.search(r'not measured|AP \d?\.\d', leaf.measured)
    docstring = text.split('"""')[1]
    assert re.findall(r'configs/dafe/(\w+)\.py', docstring) == [name.removesuffix('.py')]


@pytest.mark.parametrize('name', LEAVES)
def test_data_and_metric_agree(name: str) -> None:
    cfg = load(name)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        assert loader.dataset.type == 'deepmark.DeepFashion2TopDownDataset'
    test_set = cfg.test_dataloader.dataset
    assert test_set.test_mode
    annotations = test_set.get('ann_file') or f'{test_set.split}/annos'
    assert cfg.test_evaluator == {
        'type': 'deepmark.DeepFashion2Metric',
        'ann_file': f'{test_set.data_root}/{annotations}',
    }
    assert cfg.default_hooks.checkpoint.save_best == 'deepfashion2/keypoints_AP'
    decoder, crop = cfg.model.head.decoder, cfg.test_dataloader.dataset.pipeline[-2]
    assert tuple(decoder.input_size) == tuple(crop.input_size)


def parts(cfg: Config) -> tuple[bool, str | None]:
    neck = cfg.model.neck
    return neck.get('spatial_attention', True), neck.get('channel_attention', 'squeeze')


def test_the_ablations_differ_in_the_attention_alone() -> None:
    names = {
        'garments_topdown_': ('dafe', 'spatial', 'channel', 'none'),
        'deepfashion2_r50_dafe_256x192': ('', '_spatial_only', '_channel_only', '_no_attention'),
    }
    for family, suffixes in names.items():
        rests = []
        for suffix, expected in zip(suffixes, PARTS.values(), strict=True):
            cfg = load(f'{family}{suffix}.py')
            assert parts(cfg) == expected
            for key in ('spatial_attention', 'channel_attention'):
                cfg.model.neck.pop(key, None)
            rests.append(json.dumps(cfg.to_dict(), sort_keys=True, default=str))
        assert len(set(rests)) == 1


def test_no_leaf_is_another_one_again() -> None:
    keys = ('model', 'train_dataloader', 'train_cfg')
    contents = {}
    for name in LEAVES:
        cfg = load(name)
        contents[name] = json.dumps({key: cfg.get(key) for key in keys}, default=str)
    assert [(a, b) for a, b in combinations(LEAVES, 2) if contents[a] == contents[b]] == []


def test_schedule() -> None:
    cfg = load('deepfashion2_r50_dafe_256x192.py')
    assert cfg.train_cfg.max_epochs == 100
    assert cfg.param_scheduler[1].milestones == [80, 95]
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size
