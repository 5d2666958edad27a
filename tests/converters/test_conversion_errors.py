# SPDX-License-Identifier: Apache-2.0
"""What does not fit is an error that names keys and shapes, and what would fit."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from deepmark.converters import read_target_model, recognise_family
from deepmark.engine.errors import CheckpointError, RunError

from . import original_layouts as original
from .conftest import DLA_MODEL, HEAD, write_config
from .planning import keys_of, plan


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

    def test_defaults_of_the_model_are_no_other_widths(self, tmp_path: Path) -> None:
        dla34 = {**DLA_MODEL, 'backbone': {'type': 'deepmark.DLANet'}}
        dla34['neck'] = {'type': 'deepmark.DLAUp', 'in_channels': [64, 128, 256, 512]}
        dla34['bbox_head'] = {**HEAD, 'in_channels': 64}
        config = write_config(tmp_path / 'defaults.py', dla34)
        shapes = original.dla(
            original.COCO_DETECTION, channels=original.DLA34_CHANNELS, head_channels=256
        )
        assert not plan(shapes, config).complete
        del shapes['dla_up.ida_0.node_1.conv.weight']
        with pytest.raises(CheckpointError, match='missing in the checkpoint') as error:
            plan(shapes, config)
        assert str(error.value).endswith('\nWidths and depths are those of the config')
        with pytest.raises(CheckpointError, match='of the model is') as error:
            plan(shapes, config, {'model.neck.dcn': False, 'model.bbox_head.feat_channels': 64})
        # Plain convolutions were asked for, and a start does without the offsets.
        _, options = str(error.value).split('--cfg-options:\n')
        assert options == "  'model.bbox_head.feat_channels=256'"

    @pytest.mark.parametrize('levels', [(1, 1, 1, 2, 1), (1, 1, 1, 2, 2, 1, 1)])
    @pytest.mark.parametrize('detector', [True, False])
    def test_another_number_of_levels(
        self, dla_config: Path, levels: tuple[int, ...], detector: bool
    ) -> None:
        channels = (4, 4, 6, 8, 8, 10, 12)[: len(levels)]
        shapes = original.imagenet_dla(levels, channels)
        if detector:
            shapes = original.dla(original.COCO_DETECTION, levels, channels)
        with pytest.raises(CheckpointError, match='does not fit') as error:
            plan(shapes, dla_config)
        _, lines = str(error.value).split('--cfg-options:\n')
        pairs = (line.strip(" '").split('=') for line in lines.splitlines())
        options = {key: ast.literal_eval(value) for key, value in pairs}
        assert options['model.backbone.out_indices'] == tuple(range(2, len(levels)))
        assert options['model.neck.in_channels'] == channels[2:]
        family = recognise_family('a.pth', shapes)
        assert plan(shapes, dla_config, options).family == family

    @pytest.mark.parametrize('level', [2, 3])
    def test_a_missing_level(self, dla_config: Path, level: int) -> None:
        shapes = original.dla(original.COCO_DETECTION)
        shapes = {k: v for k, v in shapes.items() if not k.startswith(f'base.level{level}.')}
        with pytest.raises(CheckpointError, match=rf"has no 'base\.level{level}\.tree1"):
            plan(shapes, dla_config)

    def test_the_settings_in_the_error_are_enough(self, dla_config: Path) -> None:
        levels, channels = (2, 1, 2, 1, 3, 1), (2, 4, 6, 8, 10, 12)
        shapes = original.dla(original.COCO_DETECTION, levels, channels, head_channels=6)
        family = recognise_family('a.pth', shapes)
        assert family.settings(shapes) == {
            'model.backbone.levels': levels,
            'model.backbone.channels': channels,
            'model.backbone.out_indices': (2, 3, 4, 5),
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

    @pytest.mark.parametrize('heads', [{}, {'hps': 588}, {'wh': 2, 'reg': 2}])
    def test_heads_without_classes(self, hourglass_config: Path, heads: dict[str, int]) -> None:
        with pytest.raises(CheckpointError, match='no last layer of the centre heatmap') as error:
            plan(original.hourglass(heads), hourglass_config)
        text = str(error.value)
        assert 'center_heatmap.2.weight (13, 4, 1, 1) of the model: missing in' in text
        first = 'hps.0.1.weight (588, 4, 1, 1)' if 'hps' in heads else 'none'
        assert f'Its class layers:\n  {first}' in text

    @pytest.mark.parametrize('layer', ['kps.1.low1.0.skip.0', 'hps.1.0.conv', 'hm.0.1', 'hm.1.1'])
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
        with pytest.raises(CheckpointError, match='fits the backbone HourglassNet') as error:
            plan(shapes, dla_config)
        text = str(error.value)
        assert 'It has\n  kps.0.up1.0.conv1.weight (4, 4, 3, 3)\n' in text
        assert (
            'narrow_dla.py is DLANet. It has\n  backbone.base_layer.0.weight (4, 3, 7, 7)' in text
        )
        assert '--config (such as configs/deepmark_hg104_8xb37.py)' in text

    def test_a_config_of_another_detector(self, tmp_path: Path) -> None:
        model = {'backbone': {'type': 'HourglassNet'}, 'bbox_head': {'type': 'mmdet.FCOSHead'}}
        config = write_config(tmp_path / 'fcos.py', model)
        with pytest.raises(RunError, match=r'fcos\.py: model\.bbox_head is mmdet\.FCOSHead'):
            plan(original.hourglass(original.COCO_DETECTION), config)

    def test_no_such_config(self, tmp_path: Path) -> None:
        with pytest.raises(RunError, match='there is no such config file'):
            plan(original.hourglass(original.COCO_DETECTION), tmp_path / 'absent.py')

    @pytest.mark.parametrize(
        ('text', 'fault'),
        [
            ('model = dict(', 'SyntaxError'),
            ('model = dict(type=unknown)', "NameError: name 'unknown'"),
        ],
    )
    def test_a_faulty_config(self, tmp_path: Path, text: str, fault: str) -> None:
        config = tmp_path / 'faulty.py'
        config.write_text(text)
        with pytest.raises(RunError, match=rf'faulty\.py: the config cannot be read: {fault}'):
            read_target_model(config)

    @pytest.mark.parametrize(
        ('option', 'fault'),
        [
            ({'model.backbone.type.x': 3}, 'the options do not fit the config: TypeError'),
            ({'model.backbone.chanels': 3}, "cannot be built: .*unexpected .*'chanels'"),
            ({'model.backbone.channels': 5}, 'cannot be built: TypeError'),
            ({'model.backbone.channels': (1, 2)}, 'DLANet needs as many levels as channels'),
            ({'model.neck.type': 'Absent'}, 'cannot be built: KeyError.*Absent is not in'),
            ({'model': 3}, 'model.bbox_head is missing'),
            ({'model.bbox_head': 'x'}, 'model.bbox_head is x'),
        ],
    )
    def test_faulty_options(self, dla_config: Path, option: dict[str, Any], fault: str) -> None:
        with pytest.raises(RunError, match=rf'(?s)narrow_dla\.py with --cfg-options .*{fault}'):
            read_target_model(dla_config, option)
