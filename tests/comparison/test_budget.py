# SPDX-License-Identifier: Apache-2.0
"""How many steps a budget gives."""

from __future__ import annotations

import pytest
from mmengine.config import Config

from deepmark.comparison.budget import (
    TrainingSet,
    checkpoint_hook,
    evaluation_steps,
    lay_budget,
    step_seconds,
    steps_for_minutes,
    steps_of,
)

# 10 images in batches of 4: 3 steps a pass, the last of 2 images.
SET = TrainingSet(images=10, batch_size=4, epoch_length=3)


def by_epochs(**content: object) -> Config:
    loop = {'type': 'EpochBasedTrainLoop', 'max_epochs': 5, 'val_interval': 2}
    return Config({'train_cfg': loop, 'val_cfg': {}, 'val_dataloader': {}, **content})


def by_iterations() -> Config:
    return Config({'train_cfg': {'type': 'IterBasedTrainLoop', 'max_iters': 50}})


class TestStepsOf:
    @pytest.mark.parametrize(('epochs', 'expected'), [(1, 3), (4, 12)])
    def test_passes_of_a_loop_by_epochs(self, epochs: int, expected: int) -> None:
        assert steps_of(by_epochs(), SET, epochs, None) == expected

    @pytest.mark.parametrize(('epochs', 'expected'), [(1, 3), (2, 5), (4, 10)])
    def test_passes_of_a_loop_by_iterations(self, epochs: int, expected: int) -> None:
        """An endless sampler fills every batch: 20 images are 5 batches of 4."""
        assert steps_of(by_iterations(), SET, epochs, None) == expected

    def test_steps_are_taken_as_they_are(self) -> None:
        assert steps_of(by_epochs(), SET, None, 7) == 7

    def test_no_budget_is_the_configs_own(self) -> None:
        assert steps_of(by_epochs(), SET, None, None) == 15
        assert steps_of(by_iterations(), SET, None, None) == 50


class TestMinutes:
    def test_whole_steps(self) -> None:
        assert steps_for_minutes(2, 0.7) == 171  # 120 / 0.7 = 171.4

    def test_at_least_one(self) -> None:
        assert steps_for_minutes(0.1, 60) == 1

    def test_a_hiccup_does_not_count(self) -> None:
        assert step_seconds([1.0, 1.0, 30.0, 1.0, 1.0], group=1) == 1.0

    def test_bursts_of_loader_workers_do(self) -> None:
        """Two workers: two batches at once, then a wait; the median of steps would be 0.1."""
        assert step_seconds([0.1, 3.9, 0.1, 3.9, 0.1, 3.9], group=2) == 2.0

    def test_an_even_number_of_groups(self) -> None:
        assert step_seconds([1.0, 2.0], group=1) == 1.5

    def test_fewer_steps_than_workers(self) -> None:
        assert step_seconds([1.0, 3.0], group=8) == 2.0


class TestEvaluations:
    def test_the_last_is_the_test(self) -> None:
        assert evaluation_steps(90, 3) == [30, 60]

    def test_more_than_there_are_steps(self) -> None:
        assert evaluation_steps(3, 10) == [1, 2]

    def test_none_in_between(self) -> None:
        cfg = by_epochs(val_evaluator={})
        lay_budget(cfg, SET, 6, evaluations=1)
        assert cfg.train_cfg.max_epochs == 2
        assert cfg.val_cfg is cfg.val_dataloader is cfg.val_evaluator is None

    def test_some_in_between_come_from_the_hook_alone(self) -> None:
        cfg = by_epochs()
        cfg.train_cfg.dynamic_intervals = [(3, 1)]
        lay_budget(cfg, SET, 6, evaluations=3)
        assert cfg.train_cfg.val_begin > 6
        assert 'dynamic_intervals' not in cfg.train_cfg
        assert cfg.val_cfg is not None


class TestHooks:
    def test_the_newest_checkpoint_alone(self) -> None:
        assert checkpoint_hook(by_epochs(), 6) == {
            'type': 'CheckpointHook', 'by_epoch': True, 'interval': 1, 'max_keep_ckpts': 1,
            'save_last': True,
        }  # fmt: skip

    def test_a_twentieth_of_the_steps(self) -> None:
        hook = checkpoint_hook(by_iterations(), 250)
        assert (hook['by_epoch'], hook['interval']) == (False, 12)

    def test_at_least_fifty_logged_losses(self) -> None:
        cfg = by_epochs(default_hooks={'logger': {'type': 'LoggerHook', 'interval': 50}})
        lay_budget(cfg, SET, 600, evaluations=1)
        assert cfg.default_hooks.logger == {'type': 'LoggerHook', 'interval': 12}
