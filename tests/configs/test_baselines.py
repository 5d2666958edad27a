# SPDX-License-Identifier: Apache-2.0
"""mmdet's baselines: the host's recipe on our data, a step of training, a batch by our metric."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import mmdet
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.logging import MessageHub, MMLogger
from mmengine.model import BaseModel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import InstanceData

from deepmark.analysis.family import parse_leaf
from deepmark.datasets.garments import GarmentConfig, make_garments
from deepmark.registry import DATASETS, MODELS, TRANSFORMS
from deepmark.schema import DEEPFASHION2

from .baseline_reduction import (
    BACKBONES,
    DETECTORS,
    data_sets,
    differing_keys,
    flattened,
    point_to,
    reduce_baseline,
)

HOST = Path(mmdet.__file__).parent / '.mim'
ROOT = Path(__file__).resolve().parents[2]
BASELINES = ROOT / 'configs' / 'baselines'
LEAVES = sorted(p.name for p in BASELINES.glob('*.py') if "'mmdet::" in p.read_text())
DEEPFASHION2_LEAVES = [name for name in LEAVES if not name.startswith('garments_')]

# What a leaf may change; the steps of a test pipeline are compared one by one.
ALLOWED = re.compile(
    r"""
    (train|val|test)_dataloader(\.dataset)+\.(type|data_root|ann_file|data_prefix\.img)$
    | (train|val|test)_dataloader\.dataset\.with_polygons$
    | (val|test)_dataloader\.dataset\.pipeline\.
    | model\..*\.num_classes$
    | (val|test)_evaluator\.
    | default_hooks\.checkpoint\.(save_best|rule)$
    | custom_imports\. | test_pipeline\. | df2_
    """,
    re.VERBOSE,
)


def load(name: str) -> Config:
    init_default_scope('mmdet')
    return Config.fromfile(BASELINES / name)


@pytest.fixture(scope='session')
def garments(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Six training and two validation images."""
    folder = tmp_path_factory.mktemp('garments')
    for split, count in (('train', 6), ('validation', 2)):
        make_garments(folder, split, count, GarmentConfig(size=128), workers=1, progress=False)
    return str(folder)


@pytest.fixture(autouse=True)
def quiet_first_iteration() -> None:
    """No list of every layer's initialisation; what YOLOX's preprocessor asks the run for."""
    MMLogger.get_current_instance().setLevel('ERROR')
    MessageHub.get_current_instance().update_info('iter', 0)


@pytest.mark.parametrize('name', LEAVES)
def test_one_training_and_one_test_step(name: str, garments: str) -> None:
    cfg = load(name)
    reduce_baseline(cfg)
    point_to(cfg, garments)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).train()
    model.init_weights()
    before = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    assert loader.dataset.metainfo['classes'] == DEEPFASHION2.class_names
    losses = model.train_step(next(iter(loader)), build_optim_wrapper(model, cfg.optim_wrapper))
    assert all(torch.as_tensor(loss).isfinite().all() for loss in losses.values())
    changed = [n for n, old in before.items() if not torch.equal(old, model.get_parameter(n))]
    # What lies behind weights that start at zero has no gradient in the first step.
    assert len(changed) > 0.6 * len(before)
    assert changed[0].startswith(('backbone.conv1', 'backbone.stem', 'backbone.features.conv_stem'))

    figures = figures_of(model, cfg)
    assert 0 <= figures['deepfashion2/bbox_AP'] <= 1
    assert ('coco/segm_mAP' in figures) == ('mask' in name)


def figures_of(model: BaseModel, cfg: Config) -> dict[str, float]:
    """Figures of the validation images by the config's own metrics."""
    loader = Runner.build_dataloader(cfg.test_dataloader, seed=0)
    evaluator = Evaluator(cfg.test_evaluator)
    evaluator.dataset_meta = loader.dataset.metainfo
    model.eval()
    with torch.no_grad():
        for data in loader:
            evaluator.process(model.test_step(data), data)
    return evaluator.evaluate(len(loader.dataset))  # type: ignore[no-any-return]


def test_the_truth_as_prediction_has_full_marks(garments: str) -> None:
    """Also that the truth is neither scaled nor moved with the image of the test pipeline."""
    cfg = load('mask_rcnn_r50.py')
    point_to(cfg, garments)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    evaluator = Evaluator(cfg.test_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    load_masks = TRANSFORMS.build(
        dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True)
    )
    for index in range(len(dataset)):
        sample = dataset[index]['data_samples']
        record = load_masks({**dataset.get_data_info(index), 'ori_shape': sample.ori_shape})
        sample.pred_instances = InstanceData(
            bboxes=record['gt_bboxes'].tensor,
            labels=torch.from_numpy(record['gt_bboxes_labels']),
            scores=torch.ones(len(record['gt_bboxes'])),
            masks=torch.from_numpy(record['gt_masks'].masks).bool(),
        )
        evaluator.process([sample])
    figures = evaluator.evaluate(len(dataset))
    assert figures['deepfashion2/bbox_AP'] == pytest.approx(1)
    assert figures['coco/segm_mAP'] == 1


@pytest.mark.parametrize('name', DEEPFASHION2_LEAVES)
def test_a_leaf_changes_data_classes_metric_and_best_checkpoint_only(name: str) -> None:
    text = (BASELINES / name).read_text()
    host = re.findall(r"'mmdet::([^']+)'", text)
    cfg, theirs = (
        load(name),
        Config.fromfile(Path(mmdet.__file__).parent / '.mim/configs' / host[0]),
    )
    strange = {key for key in differing_keys(cfg, theirs) if not ALLOWED.match(key)}
    assert strange == set()
    ours = cfg.test_dataloader.dataset.pipeline
    assert ours[-2:] == cfg.df2_test_end
    steps = len(ours) - 2
    assert flattened(ours[:steps]) == flattened(theirs.test_dataloader.dataset.pipeline[:steps])
    assert len(theirs.test_dataloader.dataset.pipeline) == len(ours)


@pytest.mark.parametrize('name', DEEPFASHION2_LEAVES)
def test_data_classes_and_metric(name: str) -> None:
    cfg = load(name)
    train, val, test = data_sets(cfg)
    assert {d.type for d in (train, val, test)} == {'deepmark.DeepFashion2Dataset'}
    assert {d.data_root for d in (train, val, test)} == {'data/DeepFashion2'}
    assert (train.ann_file, train.data_prefix.img) == ('train/annos', 'train/image')
    assert (val.ann_file, val.data_prefix.img) == ('validation/annos', 'validation/image')
    assert (val.test_mode, val) == (True, test)
    counts = {v for k, v in flattened(cfg.model).items() if k.endswith('num_classes')}
    assert counts == {DEEPFASHION2.num_categories}
    metrics = cfg.val_evaluator if isinstance(cfg.val_evaluator, list) else [cfg.val_evaluator]
    assert metrics[0] == {'type': 'deepmark.DeepFashion2Metric'}
    assert cfg.val_evaluator == cfg.test_evaluator
    assert cfg.default_hooks.checkpoint.save_best == 'deepfashion2/bbox_AP'


@pytest.mark.parametrize('name', LEAVES)
def test_a_leaf_is_short_and_says_what_it_is(name: str) -> None:
    text = (BASELINES / name).read_text()
    assert len(text.splitlines()) <= 25
    leaf = parse_leaf(BASELINES / name)
    where = 'not measured' if name in DEEPFASHION2_LEAVES else 'docs/results.md'
    assert leaf.measured.startswith(where)
    assert f'configs/baselines/{name}' in leaf.command


@pytest.mark.parametrize('name', ['faster_rcnn_r50.py', 'mask_rcnn_r50.py'])
def test_another_folder_by_options(name: str) -> None:
    cfg = load(name)
    keys = [f'{split}_dataloader.dataset.data_root' for split in ('train', 'val', 'test')]
    cfg.merge_from_dict(dict.fromkeys(keys, 'elsewhere'))
    assert {dataset.data_root for dataset in data_sets(cfg)} == {'elsewhere'}


def test_all_baselines_are_there() -> None:
    """So that the glob above cannot come back empty."""
    two_sizes = ('yolox_tiny', 'yolox_s', 'rtmdet_tiny', 'rtmdet_s')
    resnet_50 = ('faster_rcnn', 'retinanet', 'fcos', 'atss', 'dino', 'mask_rcnn')
    stems = {*two_sizes, *(f'{name}_r50' for name in resnet_50), 'centernet_r18'}
    assert {f'{stem}.py' for stem in stems} <= set(DEEPFASHION2_LEAVES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ('tools', 'scratch'),
    [
        (HOST / 'tools', ['model.backbone.init_cfg=None']),
        (ROOT / 'tools', ['--from-scratch']),
    ],
    ids=['mmdet', 'deepmark'],
)
def test_the_tools_of_both_train_and_test_a_leaf(
    tools: Path, scratch: list[str], garments: str, tmp_path: Path
) -> None:
    """The file as it is; only what makes it small is given as options."""
    model = {**BACKBONES['ResNet'], **DETECTORS['FasterRCNN']}
    options: dict[str, Any] = {f'model.{key}': value for key, value in model.items()}
    for split, position in (('train', 2), ('val', 1), ('test', 1)):
        dataset = f'{split}_dataloader.dataset'
        options |= {f'{dataset}.data_root': garments}
        options |= {f'{dataset}.pipeline.{position}.scale': (160, 96)}
    given = [f'{key}={value}'.replace(' ', '') for key, value in options.items()]
    leaf, run = BASELINES / 'faster_rcnn_r50.py', tmp_path / 'run'
    short = ['--cfg-options', *given, 'train_cfg.max_epochs=1', *scratch]
    run_script(tools / 'train.py', leaf, *short, '--work-dir', run)
    names = {path.name for path in run.glob('*.pth')}
    assert names == {'epoch_1.pth', 'best_deepfashion2_bbox_AP_epoch_1.pth'}
    checkpoint = run / 'epoch_1.pth'
    test = ('--cfg-options', *given, '--work-dir', tmp_path / 'test')
    output = run_script(tools / 'test.py', leaf, checkpoint, *test)
    assert 'deepfashion2/bbox_AP: ' in output


def run_script(script: Path, *arguments: object) -> str:
    """Run it in a process of its own; gives what it printed."""
    run = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        env={**os.environ, 'PYTHONPATH': str(ROOT / 'projects'), 'CUDA_VISIBLE_DEVICES': '-1'},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout + run.stderr
