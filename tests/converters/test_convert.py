# SPDX-License-Identifier: Apache-2.0
"""Files in, files out: values, what the result says about itself, and what is refused."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.registry import DefaultScope

from deepmark.converters import ConvertOptions, convert_checkpoint
from deepmark.datasets.schema_metainfo import schema_metainfo
from deepmark.engine.checkpoint_file import load_checkpoint_file
from deepmark.engine.checkpoint_match import load_weights, require_full_match, require_some_match
from deepmark.engine.errors import CheckpointError, RunError
from deepmark.registry import MODELS
from deepmark.schema import DEEPFASHION2
from deepmark.version import __version__

from . import original_layouts as original
from .conftest import DLA_MODEL, HOURGLASS_MODEL, write_config

ABSENT = Path('no_configs')


def build(model: dict[str, Any]) -> torch.nn.Module:
    with DefaultScope.overwrite_default_scope('mmdet'):
        return MODELS.build(model)


def convert(source: Path, config: Path, overwrite: bool = False) -> dict[str, Any]:
    target = source.with_name('converted.pth')
    convert_checkpoint(ConvertOptions(source, target, ABSENT, config, overwrite=overwrite))
    return load_checkpoint_file(target)


def save(path: Path, weights: Any, **others: Any) -> Path:
    torch.save({'epoch': 140, 'state_dict': weights, **others}, path)
    return path


def test_a_whole_hourglass(tmp_path: Path, hourglass_config: Path) -> None:
    torch.manual_seed(0)
    weights = original.random_weights(original.hourglass(original.DEEPMARK_HEADS))
    result = convert(save(tmp_path / 'a.pth', weights), hourglass_config)
    model = build(HOURGLASS_MODEL)
    require_full_match(model, result, 'converted.pth')
    model.load_state_dict(result['state_dict'], strict=True)
    skip = model.backbone.stem[1][0].downsample[0].weight
    assert torch.equal(skip, weights['pre.1.skip.0.weight'])
    last = model.bbox_head.stacks[1]['coarse_keypoints'][2].bias
    assert torch.equal(last, weights['hps.1.1.bias'])
    assert result['meta']['dataset_meta'] == schema_metainfo(DEEPFASHION2)


def test_a_start_keeps_the_initial_heatmap_bias(tmp_path: Path, hourglass_config: Path) -> None:
    weights = original.random_weights(original.hourglass(original.COCO_DETECTION))
    result = convert(save(tmp_path / 'a.pth', weights), hourglass_config)
    model = build(HOURGLASS_MODEL)
    match = require_some_match(model, result, 'converted.pth')
    assert (match.mismatched, match.unused) == ([], [])
    model.load_state_dict(result['state_dict'], strict=False)
    for stack in (0, 1):
        branches = model.bbox_head.stacks[stack]
        for name in ('center_heatmap', 'keypoint_heatmap'):
            assert (branches[name][2].bias == -2.19).all()
        hidden = branches['center_heatmap'][0].weight
        assert torch.equal(hidden, weights[f'hm.{stack}.0.conv.weight'])
    assert 'dataset_meta' not in result['meta']


def test_what_the_result_says_about_itself(tmp_path: Path, dla_config: Path) -> None:
    weights = original.random_weights(original.dla(original.COCO_DETECTION))
    source = save(tmp_path / 'ctdet.pth', weights)
    meta = convert(source, dla_config)['meta']['conversion']
    assert meta['source_sha256'] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert (meta['source'], meta['config']) == ('ctdet.pth', 'narrow_dla.py')
    assert (meta['family'], meta['heads']) == ('CenterNet DLA', 'COCO detection (80 classes)')
    assert (meta['schema'], meta['deepmark_version']) == ('deepfashion2', __version__)
    assert meta['carried'] + len(meta['dropped']) == len(weights)
    assert meta['dropped']['hm.2.bias'].startswith('COCO detection')
    center = 'bbox_head.stacks.0.center_heatmap.2.weight'
    assert meta['initialised'][center] == 'in the place of hm.2.weight (80, 10, 1, 1)'


def test_prefixes_and_optimisers_of_public_files(
    tmp_path: Path, dla_config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = original.random_weights(original.dla(original.DEEPMARK_HEADS))
    plain = convert(save(tmp_path / 'a.pth', weights), dla_config)['state_dict']
    parallel = {f'module.{key}': value for key, value in weights.items()}
    source = save(tmp_path / 'b.pth', parallel, optimizer={'state': {0: torch.ones(2)}})
    capsys.readouterr()
    result = convert(source, dla_config, overwrite=True)
    assert list(result) == ['state_dict', 'meta']
    assert result['state_dict'].keys() == plain.keys()
    assert all(torch.equal(plain[key], value) for key, value in result['state_dict'].items())
    assert 'left out, since they are no weights: epoch, optimizer' in capsys.readouterr().out


@pytest.mark.parametrize('layout', ['hourglass', 'dla'])
def test_a_file_of_the_year_of_the_public_ones(
    tmp_path: Path, hourglass_config: Path, dla_config: Path, layout: str
) -> None:
    """No zip archive, no batch counters, ``module.`` before the keys, Adam's state beside them."""
    shapes = getattr(original, layout)(original.DEEPMARK_HEADS)
    weights = original.random_weights(
        {key: shape for key, shape in shapes.items() if not key.endswith('num_batches_tracked')}
    )
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.Adam([parameter])
    parameter.sum().backward()
    optimizer.step()
    source = tmp_path / 'a.pth'
    torch.save(
        {
            'epoch': 140,
            'state_dict': {f'module.{key}': value for key, value in weights.items()},
            'optimizer': optimizer.state_dict(),
        },
        source,
        _use_new_zipfile_serialization=False,
    )
    assert not zipfile.is_zipfile(source)
    config, model = (
        (hourglass_config, HOURGLASS_MODEL) if layout == 'hourglass' else (dla_config, DLA_MODEL)
    )
    result = convert(source, config)
    assert not any(key.endswith('num_batches_tracked') for key in result['state_dict'])
    assert 'dataset_meta' in result['meta']
    load_weights(network := build(model), tmp_path / 'converted.pth')
    head = network.bbox_head.stacks[-1]['keypoint_heatmap']
    last = 'hm_hp.1.1' if layout == 'hourglass' else 'hm_hp.2'
    assert torch.equal(head[2].weight, weights[f'{last}.weight'])


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_other_number_types_become_float32(
    tmp_path: Path, dla_config: Path, capsys: pytest.CaptureFixture[str], dtype: torch.dtype
) -> None:
    weights = original.random_weights(original.dla(original.COCO_DETECTION))
    others = {key: value.to(dtype) for key, value in weights.items() if value.is_floating_point()}
    result = convert(save(tmp_path / 'a.pth', {**weights, **others}), dla_config)
    remark = f'{len(others)} weights are {dtype} in the source: written as float32'
    assert remark in capsys.readouterr().out.splitlines()
    assert remark in result['meta']['conversion']['remarks']
    state_dict = result['state_dict']
    counter = state_dict.pop('backbone.base_layer.1.num_batches_tracked')
    assert (counter.dtype, counter.item()) == (torch.int64, 7)
    stem = state_dict['backbone.base_layer.0.weight']
    assert torch.equal(stem, others['base.base_layer.0.weight'].float())
    floats = [value for key, value in state_dict.items() if 'num_batches' not in key]
    assert {value.dtype for value in floats} == {torch.float32}


def test_what_was_decided_is_in_the_report(
    tmp_path: Path, dla_config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = original.random_weights(original.dla({'hm': 13, 'wh': 2, 'reg': 2}))
    convert(save(tmp_path / 'a.pth', weights), dla_config)
    assert 'taken for a detector of these categories' in capsys.readouterr().out


def test_every_weight_is_listed_by_name_and_counted(
    tmp_path: Path, hourglass_config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = original.random_weights(original.hourglass(original.COCO_DETECTION))
    convert(save(tmp_path / 'a.pth', weights), hourglass_config)
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert 'carried over (980)' in lines
    assert 'dropped (4)' in lines
    assert 'left at the initial value (28)' in lines
    assert '  pre.0.conv.weight -> backbone.stem.0.conv.weight' in lines
    assert all(text.count(f'  {key} ') == 1 for key in weights)
    assert '  hm.0.1.bias (80,): COCO detection (80 classes): without counterpart' in text
    missing = '  bbox_head.stacks.1.keypoint_offset.2.bias (2,): not in the source'
    assert missing in lines
    assert lines[-1].endswith('a start for training (load_from)')


@pytest.mark.parametrize('wrapped', [True, False])
def test_a_single_stack_can_be_tested(tmp_path: Path, wrapped: bool) -> None:
    backbone = {**HOURGLASS_MODEL['backbone'], 'num_stacks': 1}
    head = {**HOURGLASS_MODEL['bbox_head'], 'num_stacks': 1}
    one_stack = {**HOURGLASS_MODEL, 'backbone': backbone, 'bbox_head': head}
    weights = original.random_weights(original.hourglass(original.DEEPMARK_HEADS, stacks=1))
    torch.save({'state_dict': weights} if wrapped else weights, tmp_path / 'a.pth')
    convert(tmp_path / 'a.pth', write_config(tmp_path / 'one_stack.py', one_stack))
    model = build(one_stack)
    load_weights(model, tmp_path / 'converted.pth')  # refuses a file that lacks a weight
    stem = model.backbone.stem[0].conv.weight
    assert torch.equal(stem, weights['pre.0.conv.weight'])


class TestImageNet:
    @pytest.fixture
    def classifier(self) -> Any:
        """The DLA of timm with narrow channels."""
        dla = pytest.importorskip('timm.models.dla', reason='timm is not installed')
        torch.manual_seed(0)
        channels, levels = DLA_MODEL['backbone']['channels'], DLA_MODEL['backbone']['levels']
        return dla.DLA(levels, channels, block=dla.DlaBasic, num_classes=7).eval()

    @pytest.mark.parametrize('kind', ['bare', 'state_dict', 'safetensors'])
    def test_features_equal_timm(
        self, tmp_path: Path, dla_config: Path, classifier: Any, kind: str
    ) -> None:
        weights = classifier.state_dict()
        source = tmp_path / ('a.safetensors' if kind == 'safetensors' else 'a.pth')
        if kind == 'safetensors':
            safetensors = pytest.importorskip('safetensors.torch', reason='no safetensors')
            safetensors.save_file(weights, source)
        else:
            torch.save(weights if kind == 'bare' else {'state_dict': weights}, source)
        result = convert(source, dla_config)
        assert set(result['meta']['conversion']['dropped']) == {'fc.weight', 'fc.bias'}
        backbone = build(DLA_MODEL).backbone.eval()
        prefix = 'backbone.'
        backbone.load_state_dict(
            {key.removeprefix(prefix): value for key, value in result['state_dict'].items()}
        )
        image = torch.rand(1, 3, 64, 96)
        with torch.no_grad():
            torch.testing.assert_close(backbone(image)[-1], classifier.forward_features(image))

    def test_the_backbone_starts_from_the_result(
        self, tmp_path: Path, dla_config: Path, classifier: Any
    ) -> None:
        torch.save(classifier.state_dict(), tmp_path / 'a.pth')
        convert(tmp_path / 'a.pth', dla_config)
        start = {**DLA_MODEL['backbone'], 'checkpoint': str(tmp_path / 'converted.pth')}
        backbone = build(start)
        backbone.init_weights()
        assert torch.equal(backbone.base_layer[0].weight, classifier.base_layer[0].weight)


class TestErrors:
    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        shapes = original.dla(original.COCO_DETECTION)
        return save(tmp_path / 'a.pth', original.random_weights(shapes))

    def test_an_existing_target_is_kept(self, source: Path, dla_config: Path) -> None:
        target = source.with_name('converted.pth')
        target.write_text('mine')
        source.write_bytes(b'')  # not even read
        with pytest.raises(FileExistsError, match='--overwrite'):
            convert(source, dla_config)
        assert target.read_text() == 'mine'

    def test_a_failure_leaves_nothing_behind(self, source: Path, hourglass_config: Path) -> None:
        before = sorted(source.parent.iterdir())
        with pytest.raises(RunError, match='fits the backbone DLANet'):
            convert(source, hourglass_config)
        assert sorted(source.parent.iterdir()) == before

    def test_source_and_target_are_one_file(self, source: Path, dla_config: Path) -> None:
        link = source.with_name('link.pth')
        link.symlink_to(source)
        for target in (source, link, source.parent):
            options = ConvertOptions(source, target, ABSENT, dla_config, overwrite=True)
            with pytest.raises(RunError, match='needs a file of its own'):
                convert_checkpoint(options)

    def test_a_truncated_file(self, source: Path, dla_config: Path) -> None:
        source.write_bytes(source.read_bytes()[:-1000])
        with pytest.raises(CheckpointError, match=r'a\.pth: the checkpoint file is truncated'):
            convert(source, dla_config)

    def test_a_web_page(self, source: Path, dla_config: Path) -> None:
        source.write_text('<!DOCTYPE html>\n<html><title>Sign in</title></html>')
        with pytest.raises(
            CheckpointError, match=r"a\.pth: is no checkpoint .* starts with '<!DOC"
        ):
            convert(source, dla_config)

    def test_a_damaged_safetensors_file(self, tmp_path: Path, dla_config: Path) -> None:
        pytest.importorskip('safetensors', reason='safetensors is not installed')
        (tmp_path / 'a.safetensors').write_bytes(b'12345678')
        with pytest.raises(CheckpointError, match='cannot be read as safetensors'):
            convert(tmp_path / 'a.safetensors', dla_config)
        with pytest.raises(CheckpointError, match='no such checkpoint file'):
            convert(tmp_path / 'absent.safetensors', dla_config)

    @pytest.mark.parametrize(
        ('weights', 'message'),
        [
            ({}, 'but has\n  nothing'),
            ([torch.ones(1)], "'state_dict': list"),
            ({0: torch.ones(1)}, '0: Tensor'),
            ({'hm.0.weight': [1, 2], 'x': None}, "'hm.0.weight': list\n  'x': NoneType"),
            ({'x': torch.ones(1), 'module.x': torch.ones(1)}, 'has keys twice'),
        ],
    )
    def test_a_file_of_something_else(
        self, tmp_path: Path, dla_config: Path, weights: Any, message: str
    ) -> None:
        with pytest.raises(CheckpointError, match=message):
            convert(save(tmp_path / 'a.pth', weights), dla_config)
