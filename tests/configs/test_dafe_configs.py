# SPDX-License-Identifier: Apache-2.0
"""Every leaf of configs/dafe: it builds in mmpose's scope, trains one step and predicts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import OPTIM_WRAPPERS, init_default_scope

from deepmark.analysis.family import parse_leaf
from deepmark.datasets import FashionLandmarkDataset
from deepmark.datasets.fashion_records import LANDMARKS
from deepmark.evaluation.normalized_error import NormalizedError
from deepmark.registry import MODELS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / 'dafe'
FASHION_LEAVES = sorted(
    path.name
    for path in CONFIGS.glob('*.py')
    if path.name.startswith(('fld_', 'deepfashion_c_', 'garments_fld_'))
)
# The same networks with few channels, so that a step takes a second.
NARROW: dict[str, dict[str, Any]] = {
    'r50_dafe': {
        'backbone.base_channels': 8,
        'backbone.stem_channels': 8,
        'neck.in_channels': (32, 64, 128, 256),
        'neck.out_channels': 8,
        'head.in_channels': 8,
    },
    'r50': {
        'backbone.base_channels': 8,
        'backbone.stem_channels': 8,
        'head.in_channels': 256,
        'head.deconv_out_channels': (8, 8, 8),
    },
    'hrnet_w32': {
        'backbone.extra.stage2.num_channels': (4, 8),
        'backbone.extra.stage3.num_channels': (4, 8, 16),
        'backbone.extra.stage4.num_channels': (4, 8, 16, 32),
        'head.in_channels': 4,
    },
}


def load(name: str) -> Config:
    cfg = Config.fromfile(CONFIGS / name)
    init_default_scope(cfg.default_scope)
    return cfg


def build_narrow(cfg: Config, options: dict[str, Any]) -> Any:
    cfg.merge_from_dict({f'model.{key}': value for key, value in options.items()})
    cfg.model.backbone.init_cfg = None
    torch.manual_seed(0)
    return MODELS.build(cfg.model)


def narrowing_of(name: str) -> dict[str, Any]:
    return next((NARROW[net] for net in NARROW if f'_{net}_224' in name), {})


@pytest.fixture(scope='module')
def garment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A data info: a photo and a dress with one landmark cut off."""
    path = tmp_path_factory.mktemp('photo') / 'a.png'
    generator = np.random.default_rng(0)
    cv2.imwrite(str(path), generator.integers(0, 255, (120, 90, 3), dtype=np.uint8))
    points = generator.uniform([20, 30], [70, 110], (8, 2)).astype(np.float32)
    visibility = np.array([2, 2, 2, 1, 2, 2, 0, 2], np.float32)
    return {
        'img_path': str(path),
        'img_id': 1,
        'id': 1,
        'bbox': np.array([[10, 20, 80, 118]], np.float32),
        'bbox_score': np.ones(1, np.float32),
        'keypoints': points[None],
        'keypoints_visible': np.minimum(visibility, 1)[None],
        'category_id': np.array(1),
        'raw_ann_info': {'keypoints': np.c_[points, visibility].ravel().tolist()},
        'flip_indices': [1, 0, 3, 2, 5, 4, 7, 6],
        'dataset_keypoint_weights': np.ones(8, np.float32),
    }


def batch(pipeline: Any, info: dict[str, Any]) -> dict[str, Any]:
    transform = Compose(list(pipeline))
    data: dict[str, Any] = pseudo_collate([transform(dict(info)) for _ in range(2)])
    return data


def test_there_are_the_leaves_of_both_benchmarks() -> None:
    networks = ('hrnet_w32', 'r50', 'r50_dafe')
    for benchmark in ('fld', 'deepfashion_c'):
        assert {f'{benchmark}_{net}_224.py' for net in networks} <= set(FASHION_LEAVES)


@pytest.mark.parametrize('name', FASHION_LEAVES)
def test_one_training_and_one_test_step(name: str, garment: dict[str, Any]) -> None:
    cfg = load(name)
    model = build_narrow(cfg, narrowing_of(name)).train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    before = [p.detach().clone() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=cfg.optim_wrapper.optimizer.lr)
    wrapper = OPTIM_WRAPPERS.build({**cfg.optim_wrapper, 'optimizer': optimizer})
    losses = model.train_step(batch(cfg.train_dataloader.dataset.pipeline, garment), wrapper)
    assert losses['loss'].isfinite()
    assert all(not torch.equal(old, new) for old, new in zip(before, parameters, strict=True))

    model.eval()
    with torch.no_grad():
        results = model.test_step(batch(cfg.test_dataloader.dataset.pipeline, garment))
    assert cfg.test_evaluator.type == 'deepmark.NormalizedError'
    metric = NormalizedError()
    metric.dataset_meta = {'keypoint_id2name': dict(enumerate(LANDMARKS))}
    metric.process({}, [result.to_dict() for result in results])
    figures = metric.evaluate(2)
    # An untrained network is off by some of the box, not by many boxes: the frames are right.
    assert 0 < figures['fashion/NE'] < 1.5
    assert 'fashion/NE_right_sleeve' not in figures


@pytest.mark.parametrize('name', FASHION_LEAVES)
def test_data_sets_are_the_benchmarks(name: str) -> None:
    cfg = load(name)
    for loader in ('train', 'val', 'test'):
        dataset = cfg[f'{loader}_dataloader'].dataset
        assert dataset.type == f'deepmark.{FashionLandmarkDataset.__name__}'
        expected = 'deepfashion_c' if name.startswith('deepfashion_c') else 'fld'
        assert dataset.benchmark == expected
        assert dataset.get('test_mode', False) == (loader != 'train')
    assert cfg.default_hooks.checkpoint.rule == 'less'


@pytest.mark.parametrize('name', FASHION_LEAVES)
def test_the_crop_is_the_box_alone(name: str) -> None:
    cfg = load(name)
    for pipeline in (cfg.train_dataloader.dataset.pipeline, cfg.test_dataloader.dataset.pipeline):
        steps = {step.type: step for step in pipeline}
        assert steps['GetBBoxCenterScale'].padding == 1.0
        assert steps['deepmark.BoxAffine'].input_size == cfg.model.head.decoder.input_size
    assert all(
        heat * 4 == size
        for heat, size in zip(
            cfg.model.head.decoder.heatmap_size, cfg.model.head.decoder.input_size, strict=True
        )
    )


@pytest.mark.parametrize('name', FASHION_LEAVES)
def test_a_leaf_is_short_and_says_what_it_is(name: str) -> None:
    text = (CONFIGS / name).read_text()
    leaf = parse_leaf(CONFIGS / name)
    assert leaf.paper.startswith('-')  # no figure of DAFE is known
    assert re.search(r'not measured|NE \.\d', leaf.measured)
    docstring = text.split('"""')[1]
    assert re.findall(r'configs/dafe/(\w+)\.py', docstring) == [name.removesuffix('.py')]
