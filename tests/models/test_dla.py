# SPDX-License-Identifier: Apache-2.0
"""DLANet: timm's features with timm's weights, sizes, freezing, start weights, errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from deepmark.engine import CheckpointError
from deepmark.models import DLANet
from deepmark.models.backbones.dla import Tree
from deepmark.registry import MODELS

SMALL: dict[str, Any] = {'levels': (1, 1, 1, 2, 2, 1), 'channels': (4, 6, 8, 12, 12, 20)}
# Depth 3 as in DLA-102, two plain convolutions, and a level whose channels stay.
DEEP: dict[str, Any] = {'levels': (2, 2, 1, 3, 2, 1), 'channels': (4, 4, 6, 8, 10, 12)}


@pytest.fixture
def image() -> Tensor:
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def randomise_statistics(model: nn.Module) -> None:
    for name, buffer in model.named_buffers():
        if name.endswith(('running_mean', 'running_var')):
            nn.init.uniform_(buffer, 0.5, 1.5)


def timm_dla(**arguments: Any) -> nn.Module:
    dla = pytest.importorskip('timm.models.dla', reason='timm is not installed')
    model: nn.Module = dla.DLA(block=dla.DlaBasic, num_classes=7, **arguments)
    return model


@torch.no_grad()
@pytest.mark.parametrize('variant', [SMALL, DEEP], ids=['small', 'deep'])
def test_features_equal_timms(variant: dict[str, Any], image: Tensor, tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = timm_dla(**variant).eval()
    randomise_statistics(theirs)
    torch.save(theirs.state_dict(), tmp_path / 'timm.pth')
    ours = DLANet(**variant, out_indices=range(6), checkpoint=str(tmp_path / 'timm.pth')).eval()
    ours.init_weights()
    expected = theirs.forward_intermediates(image, intermediates_only=True)
    for level, (feature, reference) in enumerate(zip(ours(image), expected, strict=True)):
        assert feature.shape == (2, variant['channels'][level], 64 >> level, 96 >> level)
        torch.testing.assert_close(feature, reference, msg=f'level {level}')


def test_the_defaults_are_dla34() -> None:
    timm = pytest.importorskip('timm', reason='timm is not installed')
    with torch.device('meta'):
        theirs, ours = timm.create_model('dla34', num_classes=0), DLANet()
    shapes = {key: value.shape for key, value in theirs.state_dict().items()}
    assert {key: value.shape for key, value in ours.state_dict().items()} == shapes
    assert ours.out_channels == [64, 128, 256, 512]


@torch.no_grad()
def test_a_tree_of_depth_two_by_hand() -> None:
    """Convolutions that pass their input on and roots that add show what reaches the root."""
    tree = Tree(2, 1, 1, 2, True, {'type': 'BN'}).eval()
    for module in tree.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.weight)
            module.weight[:, :, module.kernel_size[0] // 2, module.kernel_size[1] // 2] = 1
        elif isinstance(module, nn.BatchNorm2d):
            module.eps = 0.0
    # x = 1. Block: x + shortcut = 1 + 1 = 2, then 2 + 2 = 4; inner root 2 + 4 = 6.
    # Second tree: 12, 24; root 24 + 12 + pooled input 1 + first tree 6 = 43.
    output = tree(torch.ones(1, 1, 4, 6))
    assert output.tolist() == torch.full((1, 1, 2, 3), 43.0).tolist()
    weights = tree.get_submodule('tree2.root.conv').weight
    assert weights.shape == (1, 4, 1, 1)
    # In the order of the weights: second block, first block, pooled input, first tree.
    weights.copy_(torch.tensor([1000.0, 100.0, 10.0, 0.0]).view(1, 4, 1, 1))
    assert tree(torch.ones(1, 1, 4, 6))[0, 0, 0, 0].item() == 24000 + 1200 + 10


def test_levels_nobody_reads_are_not_built(image: Tensor) -> None:
    model = DLANet(**SMALL, out_indices=(1, 3))
    features = model(image[:, :, :40, :72])
    assert [tuple(feature.shape) for feature in features] == [(2, 6, 20, 36), (2, 12, 5, 9)]
    sum(feature.sum() for feature in features).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_sizes_of_other_multiples_are_refused(image: Tensor) -> None:
    with pytest.raises(ValueError, match=r'multiples of 32, got 48 x 96: set .*divisor=32'):
        DLANet(**SMALL)(image[:, :, :48])


def test_initial_weights() -> None:
    model = DLANet(channels=(16, 16, 32, 64, 64, 64))
    torch.manual_seed(0)
    model.init_weights()
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 10_000:
            fan_out = module.kernel_size[0] ** 2 * module.out_channels
            assert module.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.03), name
            assert module.weight.abs().max() > 3 * (2 / fan_out) ** 0.5, 'normal, not uniform'
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all(), name
            assert not module.bias.any(), name


@pytest.mark.parametrize(
    ('stages', 'parts'),
    [
        (-1, set()),
        (0, {'base_layer', 'level0'}),
        (2, {'base_layer', 'level0', 'level1', 'level2'}),
        (5, {'base_layer', *(f'level{i}' for i in range(6))}),
    ],
)
def test_frozen_stages(stages: int, parts: set[str], image: Tensor) -> None:
    model = DLANet(**SMALL, frozen_stages=stages).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model(image)
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad == (name.split('.')[0] not in parts), name
    for key, value in model.state_dict().items():
        if key.endswith('running_mean'):
            assert torch.equal(value, before[key]) == (key.split('.')[0] in parts), key


def test_norm_eval_keeps_statistics_and_trains_weights(image: Tensor) -> None:
    model = DLANet(**SMALL, norm_eval=True).train()
    model(image)
    assert model.training
    assert not model.base_layer[1].running_mean.any()
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_start_weights_of_a_converted_detector(tmp_path: Path) -> None:
    source = DLANet(**SMALL)
    weights = {f'backbone.{key}': value for key, value in source.state_dict().items()}
    # Checkpoints of before 2019 have no such counter.
    weights = {k: v for k, v in weights.items() if not k.endswith('num_batches_tracked')}
    weights['bbox_head.x'] = torch.zeros(1)
    torch.save({'meta': {}, 'state_dict': weights}, tmp_path / 'ours.pth')
    model = MODELS.build(
        {'type': 'deepmark.DLANet', **SMALL, 'checkpoint': str(tmp_path / 'ours.pth')}
    )
    model.init_weights()
    for key, value in source.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key


@pytest.mark.parametrize(
    ('weights', 'message'),
    [
        ({'channels': (4, 6, 8, 12, 12, 24)}, r'level5\.\S+: checkpoint \(24,.*model \(20,'),
        ({'levels': (1, 1, 1, 1, 2, 1)}, r'level3\.tree1\.tree1\.conv1\.weight'),
    ],
)
def test_start_weights_of_another_architecture(
    weights: dict[str, Any], message: str, tmp_path: Path
) -> None:
    torch.save(DLANet(**{**SMALL, **weights}).state_dict(), tmp_path / 'other.pth')
    with pytest.raises(CheckpointError, match=r'(?s)other\.pth.*' + message):
        DLANet(**SMALL, checkpoint=str(tmp_path / 'other.pth')).init_weights()


def test_start_weights_that_are_absent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'none\.pth'):
        DLANet(**SMALL, checkpoint=str(tmp_path / 'none.pth')).init_weights()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'channels': (4, 8)}, r'as many levels as channels.*channels=\(4, 8\)'),
        ({'levels': (1, 1, 1, 0, 2, 1)}, 'levels of at least 1'),
        ({'levels': (), 'channels': ()}, 'levels of at least 1'),
        ({'out_indices': ()}, r'out_indices must be ascending and within 0\.\.5'),
        ({'out_indices': (3, 2)}, 'must be ascending'),
        ({'out_indices': (2, 2)}, 'must be ascending'),
        ({'out_indices': (2, 6)}, r'within 0\.\.5, got \(2, 6\)'),
        ({'frozen_stages': 6}, r'frozen_stages must be within -1\.\.5, got 6'),
        ({'frozen_stages': -2}, 'got -2'),
    ],
)
def test_arguments_that_do_not_fit(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DLANet(**{**SMALL, **arguments})
