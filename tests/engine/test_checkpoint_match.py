# SPDX-License-Identifier: Apache-2.0
"""A checkpoint of another architecture is an error that names keys and shapes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import HOOKS
from mmengine.runner import EpochBasedTrainLoop
from torch import nn

from deepmark.engine.checkpoint_guard_hook import CheckpointGuardHook
from deepmark.engine.checkpoint_match import (
    load_weights,
    match_state_dict,
    require_full_match,
    require_some_match,
)
from deepmark.engine.errors import CheckpointError


class Net(nn.Sequential):
    """Two layers: keys 0.weight (3, 2), 0.bias (3,), 1.* of a batch norm over 3 channels."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(2, 3), nn.BatchNorm1d(3))


class RenamingNet(nn.Module):
    """Reads files of an older version, where ``weight`` was called ``kernel``."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *arguments: Any) -> None:
        if prefix + 'kernel' in state_dict:
            state_dict[prefix + 'weight'] = state_dict.pop(prefix + 'kernel')
        super()._load_from_state_dict(state_dict, prefix, *arguments)


def test_the_four_kinds_of_keys() -> None:
    weights = dict(Net().state_dict())
    weights['0.weight'] = torch.zeros(3, 5)
    del weights['1.weight'], weights['1.num_batches_tracked']
    weights['head.bias'] = torch.zeros(1)
    match = match_state_dict(Net(), weights)
    assert match.fitting == ['0.bias', '1.bias', '1.running_mean', '1.running_var']
    assert match.missing == ['1.weight']
    assert match.mismatched == ['0.weight: checkpoint (3, 5), model (3, 2)']
    assert match.unused == ['head.bias']


def test_a_full_match_may_have_more_but_not_less() -> None:
    weights = {f'module.{key}': value for key, value in Net().state_dict().items()}
    require_full_match(Net(), {'state_dict': weights, 'meta': {}}, 'a.pth')
    require_full_match(Net(), {**Net().state_dict(), 'extra': torch.zeros(1)}, 'a.pth')
    del weights['module.0.bias']
    with pytest.raises(CheckpointError, match=r'a\.pth does not fit the model Net') as error:
        require_full_match(
            Net(), {'state_dict': weights, 'meta': {'experiment_name': 'fcos_1'}}, 'a.pth'
        )
    assert '(it was trained as fcos_1): 5 of 6 weights fit' in str(error.value)
    assert '1 missing in the checkpoint (0.bias)' in str(error.value)


def test_a_long_list_is_cut() -> None:
    many = nn.ModuleList(nn.Linear(1, 1) for _ in range(40))
    with pytest.raises(CheckpointError) as error:
        require_full_match(many, {'state_dict': {'x': torch.zeros(1)}}, 'a.pth')
    assert '0 of 80 weights fit, 80 missing in the checkpoint (0.weight; ' in str(error.value)
    assert 'and 75 more' in str(error.value)
    assert len(str(error.value)) < 300


def test_keys_that_the_model_translates_are_no_error() -> None:
    old = {'kernel': torch.ones(2)}
    require_full_match(RenamingNet(), {'state_dict': old}, 'a.pth')
    assert list(old) == ['kernel']
    with pytest.raises(CheckpointError, match='missing in the checkpoint'):
        require_full_match(RenamingNet(), {'state_dict': {'x': torch.ones(2)}}, 'a.pth')


def test_a_partial_start_needs_one_weight() -> None:
    match = require_some_match(Net(), {'0.bias': torch.zeros(3)}, 'a.pth')
    assert match.fitting == ['0.bias']
    with pytest.raises(CheckpointError, match=r'shares no weight with the model Net.*0 of 6'):
        require_some_match(Net(), {'0.bias': torch.zeros(4)}, 'a.pth')


def test_load_weights_sets_the_model(tmp_path: Path) -> None:
    source, target = Net(), Net()
    torch.save(
        {'state_dict': source.state_dict(), 'meta': {'dataset_meta': {}}}, tmp_path / 'a.pth'
    )
    checkpoint = load_weights(target, tmp_path / 'a.pth')
    assert torch.equal(target[0].weight, source[0].weight)
    assert checkpoint['meta'] == {'dataset_meta': {}}


def runner(*, training: bool, resume: bool = False) -> SimpleNamespace:
    loop = EpochBasedTrainLoop.__new__(EpochBasedTrainLoop) if training else {'max_epochs': 1}
    return SimpleNamespace(
        model=Net(),
        _load_from='a.pth',
        _resume=resume,
        _train_loop=loop,
        logger=MMLogger.get_instance('guard'),
    )


def test_the_hook_is_built_by_its_scope() -> None:
    hook = HOOKS.build({'type': 'deepmark.CheckpointGuardHook'})
    assert isinstance(hook, CheckpointGuardHook)


def test_testing_needs_all_weights_and_training_some() -> None:
    partial = {'state_dict': {'0.bias': torch.zeros(3)}}
    hook = CheckpointGuardHook()
    hook.after_load_checkpoint(runner(training=True), partial)
    with pytest.raises(CheckpointError, match=r'a\.pth does not fit'):
        hook.after_load_checkpoint(runner(training=False), partial)
    with pytest.raises(CheckpointError, match='shares no weight'):
        hook.after_load_checkpoint(runner(training=True), {'state_dict': {}})


def test_resuming_needs_the_state_of_a_training() -> None:
    checkpoint = {'state_dict': Net().state_dict(), 'meta': {'epoch': 1}, 'message_hub': {}}
    hook = CheckpointGuardHook()
    with pytest.raises(CheckpointError, match=r'cannot be resumed from: it has no meta\.iter'):
        hook.after_load_checkpoint(runner(training=True, resume=True), checkpoint)
    with pytest.raises(CheckpointError, match='it has no meta, message_hub'):
        hook.after_load_checkpoint(
            runner(training=True, resume=True), {'state_dict': Net().state_dict()}
        )
    checkpoint['meta']['iter'] = 7
    hook.after_load_checkpoint(runner(training=True, resume=True), checkpoint)
    del checkpoint['state_dict']['0.bias']
    with pytest.raises(CheckpointError, match='does not fit'):
        hook.after_load_checkpoint(runner(training=True, resume=True), checkpoint)
