# SPDX-License-Identifier: Apache-2.0
"""What the command line may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepmark.comparison.data import Data
from deepmark.comparison.plan import CompareOptions, PlanError, check_options, plan_models
from deepmark.comparison.results import Budget

from .conftest import WriteConfig

DATA = Data('data', Path('data'))


def plan(*items: str, **options: object) -> list:
    return plan_models(CompareOptions(items=items, **options), DATA)


def test_a_config_as_it_is_run(write_config: WriteConfig) -> None:
    (model,) = plan(write_config('first'), cfg_options={'model.width': 3})
    assert (model.name, model.weights) == ('first', None)
    assert model.title == 'A config that is read only.'
    assert model.cfg.model == {'type': 'Nothing', 'width': 3}
    assert model.cfg.train_dataloader.dataset.data_root == 'data'
    evaluator = model.cfg.test_evaluator
    assert evaluator.ann_file == 'data/val/annos'
    assert evaluator.classwise is True
    assert evaluator.slices is True


def test_only_our_metric_of_the_test_gives_more(write_config: WriteConfig) -> None:
    metrics = "test_evaluator = [dict(type='CocoMetric'), dict(type='deepmark.DeepFashion2Metric')]"
    config = write_config('two', f'val_evaluator = test_evaluator\n{metrics}\n')
    (model,) = plan(config)
    assert 'classwise' not in model.cfg.val_evaluator
    coco, ours = model.cfg.test_evaluator
    assert coco == {'type': 'CocoMetric'}
    assert ours == {'type': 'deepmark.DeepFashion2Metric', 'classwise': True, 'slices': True}


def test_two_configs_with_one_name(write_config: WriteConfig, tmp_path: Path) -> None:
    config = write_config('same')
    (tmp_path / 'other').mkdir()
    other = tmp_path / 'other' / 'same.py'
    other.write_text(Path(config).read_text())
    with pytest.raises(PlanError, match=r'same\.py and .*other/same\.py have the same name'):
        plan(config, str(other))


def test_weights(write_config: WriteConfig) -> None:
    config = write_config('a')
    Path('w.pth').touch()
    assert plan(f'{config}=w.pth')[0].weights == 'w.pth'
    with pytest.raises(PlanError, match=r'a\.py=absent: there is no such checkpoint'):
        plan(f'{config}=absent')
    with pytest.raises(PlanError, match='behind the ='):
        plan(f'{config}=')


def test_weights_of_a_model_before(write_config: WriteConfig) -> None:
    trained, tested = write_config('a'), write_config('b')
    models = plan(trained, f'{tested}=out/a', out=Path('out'))
    assert models[1].weights == 'out/a'
    with pytest.raises(PlanError, match='no model before'):
        plan(f'{tested}=out/a', trained, out=Path('out'))


@pytest.mark.parametrize(
    ('extra', 'message'),
    [('x = ', 'SyntaxError'), ('del model\nmodel = None\n', 'the config has no model')],
)
def test_a_config_that_is_none(write_config: WriteConfig, extra: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        plan(write_config('bad', extra))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'items': []}, 'at least one config'),
        ({'budget': Budget(minutes=1, epochs=1)}, 'not both'),
        (
            {'budget': Budget(minutes=0)},
            '--budget-minutes 0: must be a number of minutes, more than 0',
        ),
        ({'budget': Budget(epochs=0)}, '--epochs 0: must be at least 1'),
        ({'seeds': 0}, '--seeds 0'),
        ({'evaluations': 0}, '--evaluations 0'),
        ({'timing_rounds': -1}, '--timing-rounds -1'),
    ],
)
def test_numbers_without_sense(options: dict, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        check_options(CompareOptions(**{'items': ['a.py'], **options}))
