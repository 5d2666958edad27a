# SPDX-License-Identifier: Apache-2.0
"""Every weight of the source and of the model has its place, and what has none is an error."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from deepmark.converters import Conversion, plan_conversion, read_target_model, recognise_family
from deepmark.converters.dla import UNUSED_PROJECTION
from deepmark.engine.errors import CheckpointError, RunError

from . import original_layouts as original
from .conftest import write_config

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
REAL_HOURGLASS = (256, 256, 384, 384, 384, 512)
# The classes of a detection checkpoint are dropped, of both stacks.
COCO_CLASS_LAYERS = {f'hm.{stack}.1.{name}' for stack in (0, 1) for name in ('weight', 'bias')}


def plan(
    shapes: Mapping[str, original.Shape], config: Path, options: Mapping[str, Any] | None = None
) -> Conversion:
    family = recognise_family('a.pth', shapes)
    target = read_target_model(config, options, family)
    conversion = plan_conversion('a.pth', shapes, family, target)
    require_that_nothing_is_lost(conversion, shapes, target.shapes)
    return conversion


def require_that_nothing_is_lost(
    conversion: Conversion,
    source: Mapping[str, original.Shape],
    model: Mapping[str, original.Shape],
) -> None:
    sources = [pair.source for pair in conversion.carried]
    sources += [left.key for left in conversion.dropped]
    assert sorted(sources) == sorted(source)
    targets = [pair.target for pair in conversion.carried]
    targets += [left.key for left in conversion.initialised]
    assert sorted(targets) == sorted(model)
    assert all(source[pair.source] == model[pair.target] for pair in conversion.carried)


def keys_of(weights: list[Any]) -> set[str]:
    return {left.key for left in weights}


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


class TestErrors:
    def test_unknown_layout_shows_the_first_keys(self) -> None:
        with pytest.raises(CheckpointError) as error:
            recognise_family('r.pth', {'layer1.0.conv1.weight': (64, 3, 7, 7)})
        assert 'r.pth is a checkpoint of no known layout. Its keys are' in str(error.value)
        assert 'layer1.0.conv1.weight (64, 3, 7, 7)' in str(error.value)
        assert 'CenterNet DLA: has base.base_layer.0.weight' in str(error.value)

    def test_a_converted_checkpoint_needs_no_conversion(self) -> None:
        with pytest.raises(CheckpointError, match='of this package needs no conversion'):
            recognise_family('r.pth', {'backbone.stem.0.conv.weight': (8, 3, 7, 7)})

    @pytest.mark.parametrize(
        'key',
        ['kps.0.up1.0.conv3.weight', 'hm.0.2.weight', 'dep.0.1.bias', 'pre.0.conv.alpha', 'x'],
    )
    def test_unknown_keys_of_a_known_family(self, hourglass_config: Path, key: str) -> None:
        shapes = {**original.hourglass(original.DEEPMARK_HEADS), key: (3, 5)}
        with pytest.raises(CheckpointError, match='1 of its keys') as error:
            plan(shapes, hourglass_config)
        assert f'{key} (3, 5)' in str(error.value)

    def test_other_widths_name_keys_shapes_and_settings(self, hourglass_config: Path) -> None:
        shapes = original.hourglass(original.COCO_DETECTION, (8, 4, 6, 6, 6, 8), stacks=1)
        with pytest.raises(CheckpointError, match=r'a\.pth does not fit the model of') as error:
            plan(shapes, hourglass_config)
        text = str(error.value)
        assert 'narrow_hourglass.py' in text
        assert (
            'pre.0.conv.weight (4, 3, 7, 7): backbone.stem.0.conv.weight of the model is '
            '(2, 3, 7, 7)'
        ) in text
        for setting in (
            'backbone.num_stacks=1',
            'backbone.stage_channels=(8,4,6,6,6,8)',
            'backbone.feat_channel=8',
            'bbox_head.num_stacks=1',
            'bbox_head.in_channels=8',
            'bbox_head.feat_channels=8',
        ):
            assert f"'model.{setting}'\n" in f'{text}\n'
        assert 'stage_blocks' not in text

    def test_the_settings_in_the_error_are_enough(self, dla_config: Path) -> None:
        levels, channels = (2, 1, 2, 1, 3, 1), (2, 4, 6, 8, 10, 12)
        shapes = original.dla(original.COCO_DETECTION, levels, channels, head_channels=6)
        family = recognise_family('a.pth', shapes)
        assert family.settings(shapes) == {
            'model.backbone.levels': levels,
            'model.backbone.channels': channels,
            'model.neck.in_channels': channels[2:],
            'model.neck.dcn': True,
            'model.bbox_head.num_stacks': 1,
            'model.bbox_head.in_channels': 6,
            'model.bbox_head.feat_channels': 6,
        }
        with pytest.raises(CheckpointError, match='does not fit'):
            plan(shapes, dla_config)
        assert plan(shapes, dla_config, family.settings(shapes)).heads.startswith('COCO')

    def test_a_whole_model_needs_its_deformable_convolutions(self, dla_config: Path) -> None:
        with pytest.raises(CheckpointError, match=r"'model\.neck\.dcn=True'"):
            plan(original.dla(original.DEEPMARK_HEADS), dla_config, {'model.neck.dcn': False})

    @pytest.mark.parametrize(
        'heads',
        [
            {**original.DEEPMARK_HEADS, 'hm': 12},
            {**original.DEEPMARK_HEADS, 'hps': 586, 'hm_hp': 293},
            {'hm': 81, 'wh': 2, 'reg': 2},
        ],
    )
    def test_other_class_counts(self, hourglass_config: Path, heads: dict[str, int]) -> None:
        with pytest.raises(CheckpointError, match='its heads are neither') as error:
            plan(original.hourglass(heads), hourglass_config)
        assert f'hm.0.1.weight ({heads["hm"]}, 4, 1, 1)' in str(error.value)
        assert 'bbox_head.stacks.0.center_heatmap.2.weight (13, 4, 1, 1)' in str(error.value)

    def test_a_schema_that_does_not_fit(self, tmp_path: Path, dla_config: Path) -> None:
        schema = tmp_path / 'bars.yaml'
        schema.write_text(
            'name: bars\ncategories:\n- {id: 1, name: bar, num_keypoints: 2, sigmas: [0.1, 0.1]}\n'
        )
        options = {'model.bbox_head.schema': str(schema)}
        with pytest.raises(CheckpointError, match="'bars' has 1 categories and 2 landmarks"):
            plan(original.dla(original.DEEPMARK_HEADS), dla_config, options)
        start = plan(original.dla(original.COCO_DETECTION), dla_config, options)
        assert 'hm.2.weight' in keys_of(start.dropped)

    @pytest.mark.parametrize('layer', ['kps.1.low1.0.skip.0', 'hps.1.0.conv', 'hm.0.1'])
    def test_a_missing_layer(self, hourglass_config: Path, layer: str) -> None:
        shapes = original.hourglass(original.DEEPMARK_HEADS)
        del shapes[f'{layer}.weight']
        with pytest.raises(CheckpointError, match='missing in the checkpoint'):
            plan(shapes, hourglass_config)

    def test_a_missing_layer_that_gives_the_width(self, hourglass_config: Path) -> None:
        shapes = original.hourglass(original.DEEPMARK_HEADS)
        del shapes['cnvs.0.conv.weight']
        with pytest.raises(CheckpointError, match=r"has no 'cnvs\.0\.conv\.weight', so it is not"):
            plan(shapes, hourglass_config)

    def test_a_config_of_the_other_family(self, dla_config: Path) -> None:
        shapes = original.hourglass(original.COCO_DETECTION)
        with pytest.raises(RunError, match=r'backbone is DLANet.*Hourglass.*fits HourglassNet'):
            plan(shapes, dla_config)

    def test_a_config_of_another_detector(self, tmp_path: Path) -> None:
        model = {'backbone': {'type': 'HourglassNet'}, 'bbox_head': {'type': 'mmdet.FCOSHead'}}
        config = write_config(tmp_path / 'fcos.py', model)
        with pytest.raises(RunError, match=r'fcos\.py: model\.bbox_head is FCOSHead'):
            plan(original.hourglass(original.COCO_DETECTION), config)

    def test_no_such_config(self, tmp_path: Path) -> None:
        with pytest.raises(RunError, match='there is no such config file'):
            plan(original.hourglass(original.COCO_DETECTION), tmp_path / 'absent.py')
