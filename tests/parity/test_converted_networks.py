# SPDX-License-Identifier: Apache-2.0
"""Converted checkpoints give the maps of the original networks.

Reference cases with ``checkpoint.pth``. Widths, depths and heads come from the files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from torch import Tensor

from deepmark.converters import Conversion, ConvertOptions, convert_checkpoint
from deepmark.converters.heads import BRANCHES, CLASS_BRANCHES, is_class_layer
from deepmark.engine.checkpoint_file import load_checkpoint_file
from deepmark.engine.checkpoint_match import weights_of
from deepmark.registry import MODELS

CASE_FILES = ('checkpoint.pth', 'outputs.npz', 'meta.json')
TOLERANCE = 1e-4
# The maps of random weights hardly vary in space (by 0.003, say): 1e-4 alone would let pass a
# network whose deformable convolutions take x for y. So no more than 1 % of that, either, unless
# rounding explains it, which grows with the values.
SHARE_OF_VARIATION = 0.01
ROUNDING, SHARE_OF_ROUNDING = 5e-6, 1e-5
WIDE = 50  # heads of so many channels are stored in part,
CHANNEL_STEP = 7  # one channel in so many, unless meta.json says otherwise


class Case(NamedTuple):
    """A converted case.

    Attributes:
        meta: content of ``meta.json``.
        conversion: what became of every weight.
        source: weights under the original's names.
        converted: weights under our names.
        model: ours, in evaluation mode, with the converted weights.
        features: what the head was given.
        maps: dense maps of every stack by the original's names.
        expected: the same of the original, wide ones in part.
    """

    meta: dict[str, Any]
    conversion: Conversion
    source: dict[str, Tensor]
    converted: dict[str, Tensor]
    model: torch.nn.Module
    features: list[Tensor]
    maps: list[dict[str, Tensor]]
    expected: dict[str, Tensor]


def model_config(meta: dict[str, Any], weights: dict[str, Tensor]) -> dict[str, Any]:
    """Our model as wide and deep as the case's; what ``meta`` does not say is in the weights."""
    head = {'type': 'deepmark.CenterNetKeypointHead'}
    if meta['arch'].startswith('dla'):
        channels = meta['channels']
        head |= {'in_channels': channels[2], 'feat_channels': meta['head_conv']}
        return {
            'type': 'deepmark.DeepMark',
            'backbone': {
                'type': 'deepmark.DLANet',
                'levels': meta['levels'],
                'channels': channels,
            },
            'neck': {'type': 'deepmark.DLAUp', 'in_channels': channels[2:], 'dcn': True},
            'bbox_head': head,
        }
    stacks, (hidden, width) = meta['num_stacks'], weights['hm.0.0.conv.weight'].shape[:2]
    head |= {'num_stacks': stacks, 'in_channels': width, 'feat_channels': hidden}
    return {
        'type': 'deepmark.DeepMark',
        'backbone': {
            'type': 'HourglassNet',
            'downsample_times': len(meta['stage_channels']) - 1,
            'num_stacks': stacks,
            'stage_channels': meta['stage_channels'],
            'stage_blocks': meta['stage_blocks'],
            'feat_channel': width,
        },
        'bbox_head': head,
    }


@pytest.fixture(scope='module')
def case(case_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    checkpoint = case_folder / 'checkpoint.pth'
    meta = json.loads((case_folder / 'meta.json').read_text())
    source = weights_of(load_checkpoint_file(checkpoint))
    config = Config({'default_scope': 'mmdet', 'model': model_config(meta, source)})
    target = tmp_path_factory.mktemp('converted')
    config.dump(target / 'model.py')
    conversion = convert_checkpoint(
        ConvertOptions(checkpoint, target / 'a.pth', target, config=target / 'model.py')
    )
    converted = load_checkpoint_file(target / 'a.pth')['state_dict']
    model = MODELS.build({**config.model, '_scope_': 'mmdet'}).eval()
    model.load_state_dict(converted, strict=conversion.complete)
    with np.load(case_folder / 'outputs.npz') as file:
        expected = {name: torch.from_numpy(file[name]) for name in file.files}
    with torch.no_grad():
        features = list(model.extract_feat(expected.pop('input')))
        ours = model.bbox_head(features)
    maps = [{theirs: stack[name] for theirs, name in BRANCHES.items()} for stack in ours]
    return Case(meta, conversion, source, converted, model, features, maps, expected)


def test_every_weight_has_its_place(case: Case) -> None:
    """Nothing is dropped in silence, nothing is left initial in silence."""
    carried, dropped = case.conversion.carried, case.conversion.dropped
    assert {pair.source for pair in carried} | {left.key for left in dropped} == set(case.source)
    assert len(carried) + len(dropped) == len(case.source)
    initial = {left.key for left in case.conversion.initialised}
    assert {pair.target for pair in carried} | initial == set(case.model.state_dict())
    for source, target in carried:
        assert torch.equal(case.source[source], case.converted[target]), source


def test_maps_equal_the_original(case: Case, record_property: Any) -> None:
    """Every map whose branch was carried over as a whole."""
    foreign = {left.key.split('.')[0] for left in case.conversion.dropped}
    heads = [head for head in case.meta['heads'] if head not in foreign]
    assert set(case.meta['heads']) - set(heads) <= set(CLASS_BRANCHES)
    stacks = case.meta.get('num_stacks', 1)
    assert len(case.maps) == stacks
    assert case.expected.keys() == {
        f'stack{n}_{head}' for n in range(stacks) for head in case.meta['heads']
    }
    differences = {
        f'stack{n}_{head}': difference(case, n, head, maps[head])
        for n, maps in enumerate(case.maps)
        for head in heads
    }
    record_property('largest differences', differences)
    print({name: f'{value:.1e}' for name, value in differences.items()})


def difference(case: Case, stack: int, head: str, ours: Tensor) -> float:
    """The largest difference of a map, after it was found small enough."""
    expected = case.expected[f'stack{stack}_{head}']
    if case.meta['heads'][head] >= WIDE:
        ours = ours[:, :: case.meta.get('wide_head_channel_step', CHANNEL_STEP)]
    assert ours.shape == expected.shape
    found = (ours - expected).abs().max().item()
    variation = expected.std(dim=(-2, -1)).mean().item()
    rounding = max(ROUNDING, SHARE_OF_ROUNDING * expected.abs().max().item())
    assert found <= TOLERANCE, (stack, head)
    assert found <= max(rounding, SHARE_OF_VARIATION * variation), (stack, head)
    return found


@torch.no_grad()
def test_dropped_class_layers_would_fit_their_branch(case: Case) -> None:
    """The hidden layer of a foreign class branch, with the original's last layer, gives its map."""
    compared = {}
    for left in case.conversion.dropped:
        head, *rest = left.key.split('.')
        if head in BRANCHES and rest[-1] == 'weight':
            stack = int(rest[0]) if len(rest) == 3 else 0
            layer, activation, _ = case.model.bbox_head.stacks[stack][BRANCHES[head]]
            weight = case.source[left.key].float()
            bias = case.source[left.key.replace('.weight', '.bias')].float()
            hidden = activation(layer(case.features[stack]))
            theirs = F.conv2d(hidden, weight, bias)
            compared[left.key] = difference(case, stack, head, theirs)
    assert all(value <= TOLERANCE for value in compared.values())
    if case.conversion.complete:
        assert not compared


def test_a_start_drops_the_layers_of_foreign_classes_only(case: Case) -> None:
    if case.conversion.complete:
        assert not any(left.key.startswith(tuple(BRANCHES)) for left in case.conversion.dropped)
        return
    trunk_and_heads = {left.key.split('.')[0] for left in case.conversion.dropped} - {'base'}
    assert trunk_and_heads <= set(CLASS_BRANCHES)
    weights = case.model.state_dict()
    for left in case.conversion.initialised:
        if is_class_layer(left.key) and 'heatmap' in left.key and left.key.endswith('bias'):
            assert (weights[left.key] == -2.19).all(), left.key
