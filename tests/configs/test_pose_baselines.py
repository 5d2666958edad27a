# SPDX-License-Identifier: Apache-2.0
"""mmpose's baselines and the padded control: a step of training, a batch by our metric."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import mmpose
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.evaluator import Evaluator
from mmengine.logging import MessageHub, MMLogger
from mmengine.model import BaseModel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, set_random_seed
from mmengine.structures import InstanceData

from deepmark.analysis.family import parse_leaf
from deepmark.comparison.kinds import kind_of
from deepmark.datasets.garments import GarmentConfig, make_garments
from deepmark.datasets.transforms.warp_matrix import transform_boxes, transform_points
from deepmark.models.heads.padded_targets import padded_targets
from deepmark.registry import DATASETS, MODELS
from deepmark.schema import DEEPFASHION2

BASELINES = Path(__file__).resolve().parents[2] / 'configs' / 'baselines'
LEAVES = sorted(p.name for p in BASELINES.glob('*.py') if "'mmpose::" in p.read_text())
PADDED = [name for name in LEAVES if '_pose' in name]
TOP_DOWN = [name for name in LEAVES if name not in PADDED]
HOST = Path(mmpose.__file__).parent / '.mim'
DEEPFASHION2_RECIPE = (
    'fashion_2d_keypoint/topdown_heatmap/deepfashion2/'
    'td-hm_res50_8xb64-210e_deepfasion2-short-sleeved-outwear-256x192.py'
)
# The same parts with few channels, as after --cfg-options.
REDUCED: dict[str, dict[str, Any]] = {
    'ResNet': {
        'backbone.base_channels': 8,
        'backbone.stem_channels': 8,
        'head.in_channels': 256,
        'head.deconv_out_channels': (8, 8, 8),
    },
    'HRNet': {
        'backbone.extra.stage2.num_channels': (4, 8),
        'backbone.extra.stage3.num_modules': 1,
        'backbone.extra.stage3.num_channels': (4, 8, 16),
        'backbone.extra.stage4.num_modules': 1,
        'backbone.extra.stage4.num_channels': (4, 8, 16, 32),
        'head.in_channels': 4,
    },
    'CSPNeXt': {'backbone.widen_factor': 0.125, 'head.in_channels': 128},
    'CSPDarknet': {
        'backbone.widen_factor': 0.125,
        'neck.in_channels': [32, 64, 128],
        'neck.out_channels': 32,
        'head.head_module_cfg.widen_factor': 0.125,
    },
    'deepmark.TimmBackbone': {},
}


def load(name: str, garments: str = '') -> Config:
    """A leaf, from scratch; on drawn garments, if given, two a batch."""
    init_default_scope('mmpose')
    cfg = Config.fromfile(BASELINES / name)
    cfg.model.backbone.init_cfg = None
    cfg.model.backbone.pop('checkpoint', None)
    if garments:
        for mode in ('train', 'val', 'test'):
            loader = cfg[f'{mode}_dataloader']
            loader.update(batch_size=2, num_workers=0, persistent_workers=False, pin_memory=False)
            loader.dataset.update(data_root=garments, cache='off')
            for step in loader.dataset.pipeline:
                if 'Warp' in step.type or 'Crop' in step.type:
                    step.input_size = (128, 128)
        for mode in ('val', 'test'):
            if 'ann_file' in cfg[f'{mode}_evaluator']:
                cfg[f'{mode}_evaluator'].ann_file = f'{garments}/validation/annos'
    return cfg


def build_reduced(cfg: Config) -> BaseModel:
    options = REDUCED[cfg.model.backbone.type]
    cfg.merge_from_dict({f'model.{key}': value for key, value in options.items()})
    torch.manual_seed(0)
    return MODELS.build(cfg.model)


@pytest.fixture(scope='module')
def garments(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Four training and two validation images."""
    folder = tmp_path_factory.mktemp('garments')
    for split, count in (('train', 4), ('validation', 2)):
        make_garments(folder, split, count, GarmentConfig(size=128), workers=1, progress=False)
    return str(folder)


@pytest.fixture(autouse=True)
def quiet_first_iteration() -> None:
    """No list of every layer's initialisation."""
    MMLogger.get_current_instance().setLevel('ERROR')
    MessageHub.get_current_instance().update_info('iter', 0)


def figures_of(samples: list[Any], cfg: Config, dataset: Any) -> dict[str, float]:
    evaluator = Evaluator(cfg.test_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    evaluator.process(samples)
    figures: dict[str, float] = evaluator.evaluate(len(dataset))
    return figures


def test_there_are_three_top_down_leaves_and_the_control_in_two_sizes() -> None:
    assert {'topdown_r50.py', 'topdown_hrnet_w32.py', 'topdown_rtmpose_s.py'} <= set(TOP_DOWN)
    assert {'yolox_pose_s.py', 'garments_yolox_pose.py'} <= set(PADDED)


@pytest.mark.parametrize('name', LEAVES)
def test_one_training_and_one_test_step(name: str, garments: str) -> None:
    set_random_seed(0)  # of the crops: a level without a garment would not train its branch
    cfg = load(name, garments)
    model = build_reduced(cfg).train()
    before = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    losses = model.train_step(next(iter(loader)), build_optim_wrapper(model, cfg.optim_wrapper))
    assert losses['loss'].isfinite()
    changed = [n for n, old in before.items() if not torch.equal(old, model.get_parameter(n))]
    assert len(changed) > 0.9 * len(before)

    loader = Runner.build_dataloader(cfg.test_dataloader, seed=0)
    model.eval()
    with torch.no_grad():
        predicted = [sample for data in loader for sample in model.test_step(data)]
    figures = figures_of(predicted, cfg, loader.dataset)
    assert 0 <= figures['deepfashion2/keypoints_AP'] <= 1
    if name in TOP_DOWN:  # the boxes are the true ones
        assert figures['deepfashion2/bbox_AP'] == pytest.approx(1)


@pytest.mark.parametrize('name', LEAVES)
def test_a_leaf_is_short_and_says_what_it_is(name: str) -> None:
    lines = (BASELINES / name).read_text().splitlines()
    assert len(lines) <= 25
    leaf = parse_leaf(BASELINES / name)
    assert leaf.measured.startswith(('not measured', 'docs/results.md'))
    assert any(name in line and line.startswith('    ') for line in lines[:12])


@pytest.mark.parametrize('name', LEAVES)
def test_counts_metric_and_best_checkpoint(name: str) -> None:
    cfg = load(name)
    if name in TOP_DOWN:
        assert cfg.model.head.type in ('HeatmapHead', 'RTMCCHead')  # the host's own
        assert cfg.model.head.out_channels == DEEPFASHION2.num_slots
    else:
        head = MODELS.build(cfg.model.head)  # checks both counts against the schema
        assert head.schema == DEEPFASHION2
    assert kind_of(cfg) == ('top-down' if name in TOP_DOWN else 'one-shot')
    assert cfg.test_evaluator.type == 'deepmark.DeepFashion2Metric'
    assert cfg.default_hooks.checkpoint.save_best == 'deepfashion2/keypoints_AP'
    hooks = [hook.type for hook in cfg.custom_hooks]
    assert not [hook for hook in hooks if 'Switch' in hook]  # they bring COCO's pipelines back


@pytest.mark.parametrize('name', TOP_DOWN)
def test_top_down_recipes_stay_the_hosts(name: str) -> None:
    cfg = load(name)
    host = next(
        line.split("'mmpose::")[1].split("'")[0]
        for line in (BASELINES / name).read_text().splitlines()
        if "'mmpose::" in line
    )
    recipe = Config.fromfile(HOST / 'configs' / host)
    recipe.model.backbone.init_cfg = None
    recipe.model.head.out_channels = DEEPFASHION2.num_slots
    for key in ('model', 'optim_wrapper', 'param_scheduler', 'train_cfg', 'auto_scale_lr'):
        assert without_scopes(cfg[key]) == without_scopes(recipe[key]), key
    batch, theirs = cfg.train_dataloader, recipe.train_dataloader
    assert batch.batch_size == theirs.batch_size
    assert without_scopes(batch.sampler) == without_scopes(theirs.sampler)
    pipeline = cfg.train_dataloader.dataset.pipeline
    [target] = [s for s in pipeline if s.type == 'GenerateTarget']
    assert without_scopes(target.encoder) == without_scopes(cfg.model.head.decoder)


@pytest.mark.parametrize('name', TOP_DOWN)
def test_top_down_augmentation_is_that_of_mmposes_deepfashion2(name: str) -> None:
    steps = load(name).train_dataloader.dataset.pipeline
    theirs = Config.fromfile(HOST / 'configs' / DEEPFASHION2_RECIPE).train_dataloader
    ours, host = (
        without_scopes([step for step in pipeline if step.type != 'GenerateTarget'])
        for pipeline in (steps, theirs.dataset.pipeline)
    )
    assert ours == host


def without_scopes(part: Any) -> Any:
    """What inheritance by `mmpose::` adds is left out."""
    if isinstance(part, dict):
        return {k: without_scopes(v) for k, v in part.items() if k != '_scope_'}
    if isinstance(part, list):
        return [without_scopes(entry) for entry in part]
    return part


@pytest.mark.parametrize('name', PADDED)
def test_the_padded_flip_is_the_schemas(name: str, garments: str) -> None:
    cfg = load(name, garments)
    pipeline = cfg.train_dataloader.dataset.pipeline
    flips = [step for step in pipeline if 'Flip' in step.type]
    assert [step.type for step in flips] == ['deepmark.RandomFlipLandmarks']
    before = [*pipeline[: pipeline.index(flips[0])], dict(type='deepmark.PackLandmarkInputs')]
    after = [*before[:-1], dict(flips[0], prob=1.0), before[-1]]
    dataset = DATASETS.build({**cfg.train_dataloader.dataset, 'pipeline': []})
    for index in range(len(dataset)):
        plain, mirrored = (
            Compose(steps)(dataset.get_data_info(index))['data_samples'].gt_instances
            for steps in (before, after)
        )
        labels = plain.labels.numpy()
        valid, partner = DEEPFASHION2.keypoint_valid[labels], DEEPFASHION2.flip_index[labels]
        visible = np.take_along_axis(plain.keypoints_visible, partner, axis=1)
        np.testing.assert_array_equal(mirrored.keypoints_visible, visible)
        assert not mirrored.keypoints_visible[~valid].any()
        points = np.take_along_axis(plain.keypoints, partner[..., None], axis=1)
        expected = np.stack([127 - points[..., 0], points[..., 1]], axis=-1)
        np.testing.assert_allclose(mirrored.keypoints[visible > 0], expected[visible > 0])


def test_the_truth_through_the_padded_path_has_full_marks(garments: str) -> None:
    """Padding, the head's code, NMS, the cut and the way to the photo give the truth back."""
    cfg = load('garments_yolox_pose.py', garments)
    model = MODELS.build(cfg.model).eval()
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    predicted = []
    for index in range(len(dataset)):
        data = dataset[index]
        maps = outputs_of(in_input_pixels(data['data_samples']), model.head)
        model.extract_feat = lambda inputs: ()
        model.head.forward = lambda feats, maps=maps: maps
        predicted += model.test_step({name: [value] for name, value in data.items()})
    figures = figures_of(predicted, cfg, dataset)
    assert figures['deepfashion2/bbox_AP'] == pytest.approx(1)
    assert figures['deepfashion2/keypoints_AP'] == pytest.approx(1)
    assert figures['deepfashion2/keypoints_visible_AP'] == pytest.approx(1)


def in_input_pixels(sample: Any) -> InstanceData:
    """A test sample's truth, which is in pixels of the photo, as a training sample has it."""
    truth, warp = sample.gt_instances, sample.warp_matrix
    boxes = transform_boxes(warp, truth.bboxes.tensor.numpy())
    return InstanceData(
        bboxes=torch.from_numpy(boxes),
        labels=truth.labels,
        keypoints=transform_points(warp, truth.keypoints),
        keypoints_visible=truth.keypoints_visible,
    )


def outputs_of(truth: InstanceData, head: Any) -> tuple[list[torch.Tensor], ...]:
    """The head's outputs at strides 8, 16, 32 that decode to the truth, a cell for a garment."""
    targets = padded_targets(truth, head.schema, torch.device('cpu'))
    classes, objects = torch.full((13, 16, 16), -20.0), torch.full((1, 16, 16), -20.0)
    boxes, points = torch.zeros(4, 16, 16), torch.zeros(78, 16, 16)
    for row, (box, label) in enumerate(zip(targets.bboxes, targets.labels, strict=True)):
        corners, prior = box.view(2, 2), torch.tensor([0.0, 8.0 * row])
        classes[label, row, 0] = objects[0, row, 0] = 20.0
        boxes[:, row, 0] = torch.cat(
            [(corners.mean(0) - prior) / 8, ((corners[1] - corners[0]) / 8).log()]
        )
        points[:, row, 0] = ((targets.keypoints[row] - prior) / 8).flatten()
    finest = (classes, objects, boxes, points, torch.zeros(39, 16, 16))
    return tuple(
        [level[None], *(torch.full((1, len(level), n, n), -20.0) for n in (8, 4))]
        for level in finest
    )


@pytest.mark.slow
def test_mmposes_own_train_py(garments: str, tmp_path: Path) -> None:
    cfg = load('topdown_r50.py', garments)
    options = {
        **{f'model.{key}': value for key, value in REDUCED['ResNet'].items()},
        'model.backbone.init_cfg': None,
        'train_cfg.max_epochs': 1,
        'train_cfg.val_interval': 1,
        'param_scheduler.1.end': 1,
    }
    cfg.merge_from_dict(options)
    cfg.dump(tmp_path / 'reduced.py')
    command = [sys.executable, HOST / 'tools' / 'train.py', 'reduced.py', '--work-dir', 'run']
    done = subprocess.run(
        [str(part) for part in command], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'deepfashion2/keypoints_AP' in done.stdout + done.stderr
    assert list((tmp_path / 'run').glob('best_deepfashion2_keypoints_AP_*.pth'))
