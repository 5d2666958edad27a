# SPDX-License-Identifier: Apache-2.0
"""Every leaf config: it builds, trains one step and predicts; and it is what its file says."""

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
from mmengine.optim import MultiStepLR
from mmengine.registry import OPTIM_WRAPPERS, PARAM_SCHEDULERS, init_default_scope
from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing

from deepmark.analysis.family import parse_leaf
from deepmark.engine.activation_checkpointing_hook import computations
from deepmark.registry import MODELS
from deepmark.schema import DEEPFASHION2

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
LEAVES = sorted(path.name for path in CONFIGS.glob('*.py'))
# DAFE was not published as DeepMark's neck.
PAPER_LEAVES = [name for name in LEAVES if re.search(r'hg104|dla', name) and 'dafe' not in name]
# The same network with few channels, so that a step takes a second; as after --cfg-options.
EIGHT = (8,) * 6
NARROW = {
    'HourglassNet': {
        'backbone.stage_channels': EIGHT,
        'backbone.stage_blocks': (1,) * 6,
        'backbone.feat_channel': 8,
        'bbox_head.in_channels': 8,
        'bbox_head.feat_channels': 8,
    },
    'deepmark.DLANet': {
        'backbone.channels': EIGHT,
        'neck.in_channels': EIGHT[:4],
        'bbox_head.in_channels': 8,
        'bbox_head.feat_channels': 8,
    },
}
# DAFE takes the place of DLA's own neck, and ResNet's bottlenecks have four times its widths.
NARROW_DAFE = {
    'deepmark.DLANet': {
        **NARROW['deepmark.DLANet'],
        'neck.out_channels': 8,
        'neck.squeeze_channels': 16,
    },
    'mmdet.ResNet': {
        'backbone.base_channels': 8,
        'backbone.stem_channels': 8,
        'neck.in_channels': (32, 64, 128, 256),
        'neck.squeeze_channels': 16,
        'neck.out_channels': 8,
        'bbox_head.in_channels': 8,
        'bbox_head.feat_channels': 8,
    },
}


def load(name: str) -> Config:
    init_default_scope('mmdet')
    return Config.fromfile(CONFIGS / name)


def narrow_model(cfg: Config) -> BaseModel:
    has_dafe = cfg.model.get('neck', {}).get('type') == 'deepmark.DAFENeck'
    options = (NARROW_DAFE if has_dafe else NARROW).get(cfg.model.backbone.type, {})
    cfg.merge_from_dict({f'model.{key}': value for key, value in options.items()})
    torch.manual_seed(0)
    return MODELS.build(cfg.model)


@pytest.fixture(scope='session')
def photo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A record of the data set: an image file and one long sleeve dress, in its pixels."""
    path = tmp_path_factory.mktemp('photo') / '000001.png'
    generator = np.random.default_rng(0)
    cv2.imwrite(str(path), generator.integers(0, 255, (150, 200, 3), dtype=np.uint8))
    keypoints = np.full((37, 3), 2.0, dtype=np.float32)
    keypoints[:, :2] = generator.uniform([60, 30], [140, 130], (37, 2))
    instance = {
        'bbox': [50.0, 20.0, 150.0, 140.0],
        'bbox_label': 10,
        'ignore_flag': 0,
        'keypoints': keypoints,
    }
    return {
        'img_path': str(path),
        'img_id': 1,
        'height': 150,
        'width': 200,
        'instances': [instance],
    }


def batch(pipeline: Any, photo: dict[str, Any], test_mode: bool) -> dict[str, Any]:
    transform = Compose(list(pipeline))
    record = {**photo, 'test_mode': test_mode, 'sample_idx': 0}
    data: dict[str, Any] = pseudo_collate([transform(dict(record)) for _ in range(2)])
    return data


def shrink_inputs(cfg: Config, side: int) -> None:
    """The same steps on a smaller input, for the time that they take."""
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        for step in loader.dataset.pipeline:
            sized = step.get('warp', step)
            if 'input_size' in sized:
                sized['input_size'] = (side, side)


@pytest.mark.parametrize('name', LEAVES)
def test_one_training_and_one_test_step(name: str, photo: dict[str, Any]) -> None:
    cfg = load(name)
    shrink_inputs(cfg, 128)
    assert train_and_test_once(cfg, photo) == 2


def train_and_test_once(cfg: Config, photo: dict[str, Any]) -> int:
    """Check a step and a prediction of a narrow copy; gives the number of predicted images."""
    model = narrow_model(cfg).train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    before = [p.detach().clone() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=cfg.optim_wrapper.optimizer.lr)
    wrapper_cfg = {**cfg.optim_wrapper, 'optimizer': optimizer}
    wrapper_cfg.pop('paramwise_cfg', None)
    data = batch(cfg.train_dataloader.dataset.pipeline, photo, test_mode=False)
    losses = model.train_step(data, OPTIM_WRAPPERS.build(wrapper_cfg))
    assert torch.stack(list(losses.values())).isfinite().all()
    assert all(not torch.equal(old, new) for old, new in zip(before, parameters, strict=True))

    model.eval()
    with torch.no_grad():
        results = model.test_step(batch(cfg.test_dataloader.dataset.pipeline, photo, True))
    for result in results:
        # Local maxima of a random map, of 24 x 24 cells at the least.
        assert 20 < len(result.pred_instances) <= 100
        assert result.pred_instances.keypoints.shape[1:] == (DEEPFASHION2.max_keypoints, 2)
        assert result.pred_instances.bboxes.isfinite().all()
    return len(results)


def content(cfg: Config) -> str:
    """What a run depends on, as comparable text."""
    return json.dumps(cfg.to_dict(), sort_keys=True, default=str)


@pytest.mark.parametrize('name', LEAVES)
def test_a_leaf_differs_from_its_base(name: str) -> None:
    cfg = load(name)
    bases = re.findall(r"'(_base_/\w+\.py)'", (CONFIGS / name).read_text())
    assert bases
    for base in bases:
        assert content(Config.fromfile(CONFIGS / base)) != content(cfg)


def test_no_leaf_is_another_one_again() -> None:
    """Names of lists that leaves define for themselves do not count."""
    keys = [
        *('model', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'optim_wrapper'),
        *('param_scheduler', 'train_cfg', 'load_from', 'activation_checkpointing'),
    ]
    contents = {}
    for name in LEAVES:
        cfg = load(name)
        contents[name] = json.dumps({key: cfg.get(key) for key in keys}, default=str)
    equal = [(a, b) for a, b in combinations(LEAVES, 2) if contents[a] == contents[b]]
    assert equal == []


@pytest.mark.parametrize('name', LEAVES)
def test_a_leaf_is_short_and_says_what_it_is(name: str) -> None:
    text = (CONFIGS / name).read_text()
    assert len(text.splitlines()) <= 40
    leaf = parse_leaf(CONFIGS / name)
    if leaf.measured == 'docs/results.md':  # which says of each row of its plan what was run
        plan = (CONFIGS.parent / 'docs' / 'results' / 'benchmark.json').read_text()
        assert f'"configs/{name}"' in plan
    else:
        assert re.search(r'not measured|AP \.\d', leaf.measured)
    assert 'AP .' in leaf.paper or leaf.paper.startswith('-')
    docstring = text.split('"""')[1]
    assert re.search(r'(tools/\w+\.(sh|py) .*|make )', docstring), 'the command is missing'
    commands = re.findall(r'configs/(\w+)\.py', docstring)
    assert commands.count(name.removesuffix('.py')) == (
        0 if name == 'deepmark_real_sample.py' else 1
    )


class TestStrategies:
    @pytest.mark.parametrize('family', ['hg104', 'dla34'])
    def test_the_four_of_the_paper(self, family: str) -> None:
        found = {}
        for suffix in ('_no_nms', '', '_flip', '_flip_2scales'):
            cfg = load(f'deepmark_{family}_8xb5{suffix}.py')
            warp = cfg.test_dataloader.dataset.pipeline[1]
            scales = tuple(warp.get('scales', (1.0,)))
            found[suffix] = (cfg.model.test_cfg.nms is not None, cfg.model.test_cfg.flip, scales)
            validation = cfg.val_dataloader.dataset.pipeline[1]
            assert validation.type == 'deepmark.AspectPreservingWarp'  # one scale while training
        assert found == {
            '_no_nms': (False, False, (1.0,)),
            '': (True, False, (1.0,)),
            '_flip': (True, True, (1.0,)),
            '_flip_2scales': (True, True, (1.0, 0.75)),
        }

    def test_soft_nms_is_centernets(self) -> None:
        assert load('deepmark_hg104_8xb5.py').model.test_cfg.nms == {
            'type': 'soft_nms',
            'method': 'gaussian',
            'sigma': 0.5,
            'min_score': 0.001,
            'offset': 1,
        }

    def test_the_tta_switch_gives_the_fusion(self) -> None:
        single, fusion = (load(f'deepmark_hg104_8xb5{s}.py') for s in ('', '_flip_2scales'))
        assert single.tta_pipeline == fusion.test_dataloader.dataset.pipeline
        laid_over = {**single.model.test_cfg, **single.tta_model.test_cfg}
        assert laid_over == fusion.model.test_cfg


class TestRegimes:
    @pytest.mark.parametrize('family', ['hg104', 'dla34'])
    def test_batch_and_precision(self, family: str) -> None:
        large, paper = (load(f'deepmark_{family}_8xb{n}.py') for n in (37, 5))
        assert (large.train_dataloader.batch_size, large.optim_wrapper.dtype) == (37, 'bfloat16')
        assert (paper.train_dataloader.batch_size, paper.optim_wrapper.dtype) == (5, None)
        for cfg in (large, paper):
            assert cfg.auto_scale_lr == {'enable': False, 'base_batch_size': 37}
            assert cfg.optim_wrapper.optimizer == {'type': 'Adam', 'lr': 3e-4}

    @pytest.mark.parametrize('name', PAPER_LEAVES)
    def test_learning_rate_over_the_63_epochs(self, name: str) -> None:
        cfg = load(name)
        assert cfg.train_cfg.max_epochs == 63
        weight = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.Adam([weight], lr=cfg.optim_wrapper.optimizer.lr)
        schedulers = [
            PARAM_SCHEDULERS.build({**scheduler, 'optimizer': optimizer})
            for scheduler in cfg.param_scheduler
        ]
        assert all(isinstance(scheduler, MultiStepLR) for scheduler in schedulers)
        rates = []
        for _ in range(63):
            rates.append(optimizer.param_groups[0]['lr'])
            optimizer.step()
            for scheduler in schedulers:
                scheduler.step()
        np.testing.assert_allclose(rates, [3e-4] * 50 + [3e-5] * 3 + [1e-5] * 10)

    @pytest.mark.parametrize('name', PAPER_LEAVES)
    def test_they_start_from_the_coco_detector(self, name: str) -> None:
        cfg = load(name)
        if 'light' in name:  # no public checkpoint has its widths
            assert cfg.load_from is None
            return
        family = 'hg104' if 'hg104' in name else 'dla34'
        public = {'hg104': 'ctdet_coco_hg.pth', 'dla34': 'ctdet_coco_dla_2x.pth'}
        # Without deformable convolution the converter leaves the offsets out: another file.
        plain = '_plain' if 'plain_conv' in name else ''
        assert cfg.load_from == f'checkpoints/{family}{plain}_coco.pth'
        assert cfg.start_checkpoint_source == public[family]
        assert any(hook.type == 'deepmark.StartCheckpointHook' for hook in cfg.custom_hooks)

    @pytest.mark.parametrize('family', ['hg104', 'dla34'])
    def test_frozen_trunk(self, family: str) -> None:
        model = narrow_model(load(f'deepmark_{family}_8xb5_frozen.py')).train()
        trained = {name.split('.')[0] for name, p in model.named_parameters() if p.requires_grad}
        assert trained == {'bbox_head'}
        assert not any(module.training for module in model.backbone.modules())


class TestSizeOfTheOriginal:
    def test_hourglass(self) -> None:
        cfg = load('deepmark_hg104_8xb37.py')
        with torch.device('meta'):
            model = MODELS.build(cfg.model)
        parameters = sum(p.numel() for p in model.parameters())
        # CenterNet's Hourglass-104 with DeepMark's heads has 195.2 million.
        assert round(parameters / 1e6, 1) == 195.2

    @pytest.mark.slow
    def test_a_real_step_of_the_hourglass(self, photo: dict[str, Any]) -> None:
        cfg = load('deepmark_hg104_8xb37.py')
        model = MODELS.build(cfg.model)
        data = batch(cfg.train_dataloader.dataset.pipeline, photo, test_mode=False)
        data = {key: values[:1] for key, values in data.items()}
        with torch.autocast('cpu', dtype=torch.bfloat16):
            losses = model(**model.data_preprocessor(data, True), mode='loss')
            total, _ = model.parse_losses(losses)
        total.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
        model.eval()
        data = batch(cfg.test_dataloader.dataset.pipeline, photo, test_mode=True)
        with torch.no_grad(), torch.autocast('cpu', dtype=torch.bfloat16):
            first, second = model.test_step(data)
        assert len(first.pred_instances) == len(second.pred_instances) == 100


@pytest.mark.filterwarnings('ignore:torch.utils.checkpoint')
def test_recomputed_parts_are_computed_as_often_as_the_hook_counts(photo: dict[str, Any]) -> None:
    cfg = load('deepmark_hg104_8xb5_recomputed.py')
    model = narrow_model(cfg).train()
    names = list(cfg.activation_checkpointing)
    turn_on_activation_checkpointing(model, names)
    expected = computations(model, names)
    norms = {m: 0 for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)}

    def count(module: torch.nn.Module, *_: Any) -> None:
        norms[module] += 1

    for norm in norms:
        norm.register_forward_hook(count)
    data = batch(cfg.train_dataloader.dataset.pipeline, photo, test_mode=False)
    losses = model(**model.data_preprocessor(data, True), mode='loss')
    model.parse_losses(losses)[0].backward()
    assert norms == {norm: expected.get(norm, 1) for norm in norms}
    assert sum(times == 2 for times in norms.values()) > 20
