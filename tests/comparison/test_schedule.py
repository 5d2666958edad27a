# SPDX-License-Identifier: Apache-2.0
"""Schedules in another number of steps, by hand-computed values."""

from __future__ import annotations

import pytest
from mmengine.config import Config

from deepmark.comparison.schedule import counts_epochs, fit_schedule, own_steps
from deepmark.engine.errors import RunError

EPOCH_LENGTH = 100


def config(epochs: int | None = 12, iterations: int | None = None, **content: object) -> Config:
    loop = (
        {'type': 'EpochBasedTrainLoop', 'max_epochs': epochs}
        if iterations is None
        else {'type': 'mmengine.IterBasedTrainLoop', 'max_iters': iterations}
    )
    return Config({'train_cfg': loop, **content})


class TestLoop:
    def test_whole_epochs_stay_mmengines_own_loop(self) -> None:
        cfg = config(epochs=12)
        fit_schedule(cfg, 300, EPOCH_LENGTH)
        assert cfg.train_cfg == {'type': 'EpochBasedTrainLoop', 'max_epochs': 3}

    def test_other_steps_cut_the_last_epoch(self) -> None:
        cfg = config(epochs=12, custom_imports={'imports': ['deepmark']})
        fit_schedule(cfg, 250, EPOCH_LENGTH)
        assert cfg.train_cfg == {'type': 'deepmark.StepLimitedEpochLoop', 'max_iters': 250}
        assert cfg.custom_imports.imports == ['deepmark', 'deepmark.comparison.loops']

    def test_a_loop_by_iterations_gets_the_steps(self) -> None:
        cfg = config(iterations=1000)
        fit_schedule(cfg, 250, EPOCH_LENGTH)
        assert cfg.train_cfg.max_iters == 250

    def test_the_configs_own_steps_change_nothing(self) -> None:
        cfg = config(epochs=2, param_scheduler=[{'type': 'MultiStepLR', 'milestones': [1]}])
        before = cfg.to_dict()
        fit_schedule(cfg, 200, EPOCH_LENGTH)
        assert cfg.to_dict() == before

    def test_own_steps(self) -> None:
        assert own_steps(config(epochs=12), EPOCH_LENGTH) == 1200
        assert own_steps(config(iterations=70), EPOCH_LENGTH) == 70

    def test_old_style_loops(self) -> None:
        assert counts_epochs(Config({'train_cfg': {'by_epoch': True, 'max_epochs': 3}}))
        assert not counts_epochs(Config({'train_cfg': {'by_epoch': False, 'max_iters': 3}}))

    def test_an_unknown_loop_is_refused(self) -> None:
        with pytest.raises(RunError, match=r'train_cfg\.type is MyLoop'):
            counts_epochs(Config({'train_cfg': {'type': 'MyLoop'}}))


class TestSchedulers:
    def test_the_1x_schedule_of_mmdet_in_a_quarter(self) -> None:
        """12 epochs of 100 steps become 300 steps: a quarter of everything.

        The warm-up of 60 steps gets 15, which is also the twentieth that it keeps.
        """
        cfg = config(
            epochs=12,
            param_scheduler=[
                {'type': 'LinearLR', 'start_factor': 0.001, 'by_epoch': False, 'end': 60},
                {'type': 'MultiStepLR', 'begin': 0, 'end': 12, 'by_epoch': True,
                 'milestones': [8, 11], 'gamma': 0.1},
            ],
        )  # fmt: skip
        fit_schedule(cfg, 300, EPOCH_LENGTH)
        warm_up, drops = cfg.param_scheduler
        assert (warm_up.end, warm_up.by_epoch) == (15, False)
        assert (drops.begin, drops.end, drops.by_epoch) == (0, 300, False)
        assert drops.milestones == [200, 275]
        assert drops.gamma == 0.1

    def test_a_warm_up_keeps_a_twentieth(self) -> None:
        """500 of 90,000 steps would be 2 of 360: it gets 18.

        A drop in the middle of the other 89,500 steps stands in the middle of the other 342.
        """
        cfg = config(
            iterations=90_000,
            param_scheduler=[
                {'type': 'LinearLR', 'start_factor': 0.001, 'by_epoch': False, 'end': 500},
                {'type': 'MultiStepLR', 'by_epoch': False, 'milestones': [500 + 89_500 // 2]},
            ],
        )  # fmt: skip
        fit_schedule(cfg, 360, EPOCH_LENGTH)
        assert cfg.param_scheduler[0].end == 18
        assert cfg.param_scheduler[1].milestones == [18 + 342 // 2]

    def test_a_warm_up_never_gets_longer_than_its_own_by_the_twentieth(self) -> None:
        cfg = config(
            iterations=1000,
            param_scheduler={'type': 'LinearLR', 'by_epoch': False, 'begin': 0, 'end': 4},
        )
        fit_schedule(cfg, 500, EPOCH_LENGTH)
        assert cfg.param_scheduler.end == 4

    def test_a_falling_line_is_no_warm_up(self) -> None:
        scheduler = {
            'type': 'LinearLR', 'by_epoch': False, 'begin': 0, 'end': 10, 'start_factor': 1.0,
            'end_factor': 0.1,
        }  # fmt: skip
        cfg = config(iterations=1000, param_scheduler=[scheduler])
        fit_schedule(cfg, 500, EPOCH_LENGTH)
        assert cfg.param_scheduler[0].end == 5

    def test_the_parts_of_yolox_stay_joined(self) -> None:
        """Warm-up to epoch 5, cosine to 285, constant to 300, in 600 steps of 30,000.

        The warm-up takes a twentieth, 30 steps (in proportion 10); the cosine ends at
        30 + 280 / 295 * 570 = 571.
        """
        cfg = config(
            epochs=300,
            param_scheduler=[
                {'type': 'mmdet.QuadraticWarmupLR', 'by_epoch': True, 'begin': 0, 'end': 5,
                 'convert_to_iter_based': True},
                {'type': 'CosineAnnealingLR', 'begin': 5, 'T_max': 285, 'end': 285,
                 'by_epoch': True, 'convert_to_iter_based': True},
                {'type': 'ConstantLR', 'by_epoch': True, 'factor': 1, 'begin': 285, 'end': 300},
            ],
        )  # fmt: skip
        fit_schedule(cfg, 600, EPOCH_LENGTH)
        warm_up, cosine, constant = cfg.param_scheduler
        assert (warm_up.begin, warm_up.end) == (0, 30)
        assert (cosine.begin, cosine.end) == (30, 571)
        assert cosine.T_max == 581 - 30  # T_max is longer than the way to its end, as before
        assert (constant.begin, constant.end) == (571, 600)
        assert not any('convert_to_iter_based' in part for part in cfg.param_scheduler)

    def test_milestones_count_from_begin(self) -> None:
        scheduler = {'type': 'MultiStepLR', 'by_epoch': True, 'begin': 4, 'milestones': [4]}
        cfg = config(epochs=12, param_scheduler=[scheduler])
        fit_schedule(cfg, 600, EPOCH_LENGTH)
        assert cfg.param_scheduler[0].begin == 200
        assert cfg.param_scheduler[0].milestones == [200]

    def test_other_kinds(self) -> None:
        cfg = config(
            epochs=10,
            param_scheduler={
                'generator': [{'type': 'StepLR', 'step_size': 2, 'gamma': 0.5}],
                'critic': {'type': 'ExponentialLR', 'gamma': 0.25},
            },
        )
        fit_schedule(cfg, 500, EPOCH_LENGTH)
        assert cfg.param_scheduler.generator[0].step_size == 100
        # A factor an epoch of 100 steps, which are 50 now.
        assert cfg.param_scheduler.critic.gamma == pytest.approx(0.25 ** (1 / 50))

    def test_no_end_stays_no_end(self) -> None:
        cfg = config(epochs=2, param_scheduler=[{'type': 'PolyLR', 'end': 1_000_000_000}])
        fit_schedule(cfg, 100, EPOCH_LENGTH)
        assert cfg.param_scheduler[0].end == 1_000_000_000

    def test_a_plateau_has_no_schedule(self) -> None:
        cfg = config(epochs=2, param_scheduler=[{'type': 'ReduceOnPlateauLR', 'monitor': 'loss'}])
        with pytest.raises(RunError, match='ReduceOnPlateauLR has no schedule'):
            fit_schedule(cfg, 100, EPOCH_LENGTH)


def test_hooks_that_count_epochs() -> None:
    cfg = config(
        epochs=300,
        custom_hooks=[
            {'type': 'YOLOXModeSwitchHook', 'num_last_epochs': 15, 'priority': 48},
            {'type': 'PipelineSwitchHook', 'switch_epoch': 280},
            {'type': 'RTMOModeSwitchHook', 'epoch_attributes': {280: {'a': 1}}},
        ],
    )
    fit_schedule(cfg, 30 * EPOCH_LENGTH, EPOCH_LENGTH)
    yolox, switch, rtmo = cfg.custom_hooks
    assert (yolox.num_last_epochs, yolox.priority) == (2, 48)  # 1.5, rounded to even
    assert switch.switch_epoch == 28
    assert rtmo.epoch_attributes == {28: {'a': 1}}
