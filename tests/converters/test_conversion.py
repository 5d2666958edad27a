# SPDX-License-Identifier: Apache-2.0
"""Every weight of the source and of the model has its place, and what has none is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from deepmark.converters.conversion import NOT_IN_SOURCE
from deepmark.converters.dla import UNUSED_PROJECTION
from deepmark.converters.heads import BRANCHES
from deepmark.engine.errors import CheckpointError

from . import original_layouts as original
from .planning import keys_of, plan

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
REAL_HOURGLASS = (256, 256, 384, 384, 384, 512)
# The classes of a detection checkpoint are dropped, of both stacks.
COCO_CLASS_LAYERS = {f'hm.{stack}.1.{name}' for stack in (0, 1) for name in ('weight', 'bias')}


class TestHourglass:
    def test_hourglass_104_with_own_heads_is_carried_over_whole(self) -> None:
        shapes = original.hourglass(original.DEEPMARK_HEADS, REAL_HOURGLASS)
        conversion = plan(shapes, CONFIGS / 'deepmark_hg104_8xb37.py')
        assert conversion.complete
        assert conversion.dropped == []
        assert conversion.heads == "detection and landmarks of the schema's categories"

    def test_coco_detector_of_real_width(self) -> None:
        shapes = original.hourglass(original.COCO_DETECTION, REAL_HOURGLASS)
        conversion = plan(shapes, CONFIGS / 'deepmark_hg104_8xb37.py')
        assert not conversion.complete
        assert keys_of(conversion.dropped) == COCO_CLASS_LAYERS
        names = dict(conversion.carried)
        assert names['hm.1.0.conv.weight'] == 'bbox_head.stacks.1.center_heatmap.0.weight'
        # Two stacks: three branches of two layers with weight and bias, and the last one of hm.
        assert len(conversion.initialised) == 2 * (3 * 4 + 2)
        reasons = {left.key: left.reason for left in conversion.initialised}
        center = 'bbox_head.stacks.1.center_heatmap.2.bias'
        assert reasons[center] == 'in the place of hm.1.1.bias (80,)'

    @pytest.mark.parametrize(
        ('theirs', 'ours'),
        [
            ('pre.0.conv.weight', 'stem.0.conv.weight'),
            ('pre.1.bn2.bias', 'stem.1.0.bn2.bias'),
            ('pre.1.skip.0.weight', 'stem.1.0.downsample.0.weight'),
            ('kps.1.up1.0.conv1.weight', 'hourglass_modules.1.up1.0.conv1.weight'),
            ('kps.0.low2.low3.1.skip.1.bias', 'hourglass_modules.0.low2.low3.1.downsample.1.bias'),
            (
                'kps.0.low2.low2.low2.low2.low2.3.bn1.running_var',
                'hourglass_modules.0.low2.low2.low2.low2.low2.3.bn1.running_var',
            ),
            ('inters.0.conv2.weight', 'inters.0.conv2.weight'),
            ('inters_.0.0.weight', 'conv1x1s.0.conv.weight'),
            ('inters_.0.1.bias', 'conv1x1s.0.bn.bias'),
            ('cnvs_.0.0.weight', 'remap_convs.0.conv.weight'),
            ('cnvs_.0.1.running_mean', 'remap_convs.0.bn.running_mean'),
            ('cnvs.1.bn.num_batches_tracked', 'out_convs.1.bn.num_batches_tracked'),
        ],
    )
    def test_names(self, hourglass_config: Path, theirs: str, ours: str) -> None:
        shapes = original.hourglass(original.DEEPMARK_HEADS)
        assert dict(plan(shapes, hourglass_config).carried)[theirs] == f'backbone.{ours}'

    def test_multi_pose(self, hourglass_config: Path) -> None:
        conversion = plan(original.hourglass(original.COCO_MULTI_POSE), hourglass_config)
        assert conversion.heads == 'COCO multi-pose (persons with 17 joints)'
        assert keys_of(conversion.dropped) == {
            f'{head}.{stack}.1.{name}'
            for head in ('hm', 'hps', 'hm_hp')
            for stack in (0, 1)
            for name in ('weight', 'bias')
        }
        carried = dict(conversion.carried)
        assert carried['hp_offset.0.1.bias'] == 'bbox_head.stacks.0.keypoint_offset.2.bias'
        assert carried['hps.0.0.conv.bias'] == 'bbox_head.stacks.0.coarse_keypoints.0.bias'
        assert len(conversion.initialised) == len(conversion.dropped)

    def test_one_stack(self, hourglass_config: Path) -> None:
        shapes = original.hourglass(original.DEEPMARK_HEADS, stacks=1)
        options = {'model.backbone.num_stacks': 1, 'model.bbox_head.num_stacks': 1}
        conversion = plan(shapes, hourglass_config, options)
        assert conversion.complete
        # mmdet builds the block before the next stack all the same.
        assert {key.split('.')[1] for key in conversion.idle} == {'inters'}
        assert keys_of(conversion.initialised) == conversion.idle

    def test_without_counters_of_batches(self, hourglass_config: Path) -> None:
        shapes = original.hourglass(original.DEEPMARK_HEADS)
        without = {k: v for k, v in shapes.items() if not k.endswith('num_batches_tracked')}
        conversion = plan(without, hourglass_config)
        assert conversion.complete
        assert len(conversion.initialised) == len(shapes) - len(without)

    def test_detector_of_own_categories(self, hourglass_config: Path) -> None:
        conversion = plan(original.hourglass({'hm': 13, 'wh': 2, 'reg': 2}), hourglass_config)
        assert conversion.dropped == []
        assert not conversion.complete
        assert 'hm.0.1.weight' in dict(conversion.carried)
        assert conversion.kind.remark.startswith('hm has a channel for each of the 13 categories')
        assert 'whose class layer is carried over' in conversion.kind.remark

    @pytest.mark.parametrize('missing', [{'hp_offset'}, {'hm_hp', 'hp_offset'}, {'reg'}, {'wh'}])
    @pytest.mark.parametrize('heads', [original.DEEPMARK_HEADS, original.COCO_MULTI_POSE])
    def test_poses_trained_without_some_branches(
        self, hourglass_config: Path, heads: dict[str, int], missing: set[str]
    ) -> None:
        rest = {head: count for head, count in heads.items() if head not in missing}
        conversion = plan(original.hourglass(rest), hourglass_config)
        own = heads is original.DEEPMARK_HEADS
        assert conversion.kind.foreign is not own
        assert not conversion.complete
        absent = {left.key for left in conversion.initialised if left.reason == NOT_IN_SOURCE}
        assert absent == {
            f'bbox_head.stacks.{stack}.{BRANCHES[head]}.{layer}.{name}'
            for stack in (0, 1)
            for head in missing
            for layer in (0, 2)
            for name in ('weight', 'bias')
        }


class TestShapesThatHappenToFit:
    """Classes of another data set stay out even where their channels would fit."""

    def schema(self, folder: Path, categories: int, keypoints: int) -> dict[str, Any]:
        lines = [
            f'- {{id: {n}, name: shoe{n}, num_keypoints: {keypoints}, '
            f'sigmas: [{", ".join(["0.1"] * keypoints)}]}}'
            for n in range(1, categories + 1)
        ]
        path = folder / 'shoes.yaml'
        path.write_text('\n'.join(['name: shoes', 'categories:', *lines, '']))
        return {'model.bbox_head.schema': str(path)}

    def test_a_person_is_no_shoe(self, tmp_path: Path, dla_config: Path) -> None:
        options = self.schema(tmp_path, categories=1, keypoints=2)
        conversion = plan(original.dla(original.COCO_MULTI_POSE), dla_config, options)
        dropped = {left.key: left.reason for left in conversion.dropped}
        for head in ('hm', 'hps', 'hm_hp'):
            assert "without counterpart in the schema 'shoes'" in dropped[f'{head}.2.weight']
        initial = {left.key: left.reason for left in conversion.initialised}
        center = 'bbox_head.stacks.0.center_heatmap.2.bias'
        assert initial[center] == 'in the place of hm.2.bias (1,)'
        assert conversion.kind.remark == ''

    @pytest.mark.parametrize(('classes', 'name'), [(20, 'Pascal VOC'), (80, 'COCO')])
    def test_a_detector_of_public_classes(
        self, tmp_path: Path, dla_config: Path, classes: int, name: str
    ) -> None:
        options = self.schema(tmp_path, categories=classes, keypoints=1)
        shapes = original.dla({'hm': classes, 'wh': 2, 'reg': 2})
        conversion = plan(shapes, dla_config, options)
        assert conversion.heads.startswith(name)
        assert {'hm.2.weight', 'hm.2.bias'} < keys_of(conversion.dropped)
        assert f'each of the {classes} categories' in conversion.kind.remark
        assert f'taken for {name}' in conversion.kind.remark

    def test_own_landmarks_make_the_classes_own(self, tmp_path: Path, dla_config: Path) -> None:
        options = self.schema(tmp_path, categories=20, keypoints=2)
        heads = {**original.DEEPMARK_HEADS, 'hm': 20, 'hps': 80, 'hm_hp': 40}
        conversion = plan(original.dla(heads), dla_config, options)
        assert conversion.complete
        assert conversion.kind.remark == ''

    def test_one_category_with_17_landmarks(self, tmp_path: Path, dla_config: Path) -> None:
        options = self.schema(tmp_path, categories=1, keypoints=17)
        conversion = plan(original.dla(original.COCO_MULTI_POSE), dla_config, options)
        assert conversion.complete
        assert 'fit the schema and COCO multi-pose' in conversion.kind.remark

    @pytest.mark.parametrize(
        'heads',
        [
            {**original.COCO_MULTI_POSE, 'hps': 4, 'hm_hp': 17},
            {**original.COCO_MULTI_POSE, 'hm': 2},
            {'hm': 2, 'wh': 2, 'reg': 2},
        ],
    )
    def test_half_of_a_fit_is_none(
        self, tmp_path: Path, dla_config: Path, heads: dict[str, int]
    ) -> None:
        options = self.schema(tmp_path, categories=1, keypoints=2)
        with pytest.raises(CheckpointError, match='its heads are neither'):
            plan(original.dla(heads), dla_config, options)


class TestDLA:
    def test_dla34_of_real_width(self) -> None:
        shapes = original.dla(
            original.DEEPMARK_HEADS, channels=original.DLA34_CHANNELS, head_channels=256
        )
        conversion = plan(shapes, CONFIGS / 'deepmark_dla34_8xb37.py')
        assert conversion.complete
        dropped = {left.key: left.reason for left in conversion.dropped}
        assert dropped.pop('base.fc.weight') == dropped.pop('base.fc.bias')
        # A 1x1 convolution and a normalisation in each of the two trees of two levels.
        assert {key.split('.project.')[0] for key in dropped} == {'base.level3', 'base.level4'}
        assert len(dropped) == 2 * (1 + 5)
        assert set(dropped.values()) == {UNUSED_PROJECTION}

    def test_unused_projections_of_deeper_trees(self, dla_config: Path) -> None:
        levels = (1, 2, 1, 3, 2, 1)
        shapes = original.dla(original.DEEPMARK_HEADS, levels)
        conversion = plan(shapes, dla_config, {'model.backbone.levels': levels})
        projections = {left.key.split('.project.')[0] for left in conversion.dropped}
        # Level 4 keeps its 6 channels, so it has none.
        assert projections == {'base.level3', 'base.level3.tree1', 'base.fc.weight', 'base.fc.bias'}

    @pytest.mark.parametrize(
        ('theirs', 'ours'),
        [
            ('base.level1.0.weight', 'backbone.level1.0.weight'),
            ('base.level3.tree2.root.bn.bias', 'backbone.level3.tree2.root.bn.bias'),
            ('base.level3.tree1.project.0.weight', 'backbone.level3.tree1.project.0.weight'),
            ('base.level5.project.1.bias', 'backbone.level5.project.1.bias'),
            ('dla_up.ida_2.node_3.actf.0.weight', 'neck.dla_up.ida_2.node_3.actf.0.weight'),
            ('ida_up.proj_2.conv.weight', 'neck.ida_up.proj_2.conv.weight'),
            (
                'ida_up.proj_2.conv.conv_offset_mask.bias',
                'neck.ida_up.proj_2.conv.conv_offset.bias',
            ),
            ('ida_up.up_2.weight', 'neck.ida_up.up_2.weight'),
            ('hm_hp.0.weight', 'bbox_head.stacks.0.keypoint_heatmap.0.weight'),
            ('reg.2.bias', 'bbox_head.stacks.0.center_offset.2.bias'),
        ],
    )
    def test_names(self, dla_config: Path, theirs: str, ours: str) -> None:
        conversion = plan(original.dla(original.DEEPMARK_HEADS), dla_config)
        assert dict(conversion.carried)[theirs] == ours

    @pytest.mark.parametrize('heads', [original.COCO_DETECTION, original.COCO_MULTI_POSE])
    def test_public_heads(self, dla_config: Path, heads: dict[str, int]) -> None:
        conversion = plan(original.dla(heads), dla_config)
        heads_dropped = {key for key in keys_of(conversion.dropped) if 'base.' not in key}
        assert heads_dropped == {
            f'{head}.2.{name}'
            for head in heads.keys() & {'hm', 'hps', 'hm_hp'}
            for name in ('weight', 'bias')
        }

    def test_a_start_without_deformable_convolution(self, dla_config: Path) -> None:
        shapes = original.dla(original.COCO_DETECTION)
        conversion = plan(shapes, dla_config, {'model.neck.dcn': False})
        offsets = {left.key for left in conversion.dropped if 'neck.dcn=False' in left.reason}
        assert offsets == {key for key in shapes if 'conv_offset_mask' in key}
        assert 'ida_up.proj_1.conv.weight' in dict(conversion.carried)

    def test_imagenet_weights_leave_neck_and_head(self, dla_config: Path) -> None:
        conversion = plan(original.imagenet_dla(), dla_config)
        assert conversion.heads == 'none'
        assert {'fc.weight', 'fc.bias'} < keys_of(conversion.dropped)
        parts = {key.split('.')[0] for key in keys_of(conversion.initialised)}
        assert parts == {'neck', 'bbox_head'}


def test_every_leaf_that_starts_from_coco_takes_the_coco_detector() -> None:
    """The command in the advice of StartCheckpointHook works, whatever leaf it names."""
    hourglass = original.hourglass(original.COCO_DETECTION, REAL_HOURGLASS)
    dla = original.dla(original.COCO_DETECTION, channels=original.DLA34_CHANNELS, head_channels=256)
    sources = {'HourglassNet': hourglass, 'deepmark.DLANet': dla}
    seen = []
    for leaf in sorted(CONFIGS.glob('*.py')):
        cfg = Config.fromfile(leaf)
        parts = [cfg.model.get(part) for part in ('backbone', 'neck', 'bbox_head')]
        if cfg.get('load_from') and parts not in seen:
            seen.append(parts)
            assert not plan(sources[cfg.model.backbone.type], leaf).complete, leaf
    assert {parts[0].type for parts in seen} == set(sources)
