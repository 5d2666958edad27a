# SPDX-License-Identifier: Apache-2.0
"""From the switches of tools/test.py to the Runner's config."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from deepmark.apis.test import (
    AtomicDumpResults,
    TestOptions,
    make_test_config,
    require_pickle_path,
    run_test,
)
from deepmark.engine.errors import RunError

CONFIG = """
model = dict(type='X', test_cfg=dict(detections=100, soft_nms=dict(sigma=0.5, floor=0.01)))
test_dataloader = dict(dataset=dict(type='R', dataset=dict(type='D', pipeline=['plain'])))
default_hooks = dict(visualization=dict(type='DetVisualizationHook'))
resume = True
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / 'net.py'
    path.write_text(CONFIG)
    return path


def options(config: Path, **changes: object) -> TestOptions:
    return TestOptions(config=str(config), checkpoint='a.pth', **changes)


def test_the_checkpoint_is_loaded_and_not_resumed(config: Path) -> None:
    cfg = make_test_config(options(config))
    assert (cfg.resume, cfg.load_from) == (False, 'a.pth')
    assert cfg.custom_hooks[-1].type == 'deepmark.CheckpointGuardHook'
    assert 'draw' not in cfg.default_hooks.visualization


def test_pictures_are_switched_on(config: Path) -> None:
    hook = make_test_config(options(config, show_dir='shown')).default_hooks.visualization
    assert hook == {'type': 'DetVisualizationHook', 'draw': True, 'test_out_dir': 'shown'}
    hook = make_test_config(options(config, show=True, wait_time=0.5)).default_hooks.visualization
    assert hook == {'type': 'DetVisualizationHook', 'draw': True, 'show': True, 'wait_time': 0.5}
    with pytest.raises(RunError, match=r'default_hooks\.visualization'):
        make_test_config(
            options(
                config,
                show=True,
                cfg_options={
                    'default_hooks': {'_delete_': True, 'timer': {'type': 'IterTimerHook'}}
                },
            )
        )


def test_pictures_of_mmpose_are_switched_on_by_its_names(config: Path) -> None:
    config.write_text(CONFIG.replace('DetVisualizationHook', 'PoseVisualizationHook'))
    hook = make_test_config(options(config, show_dir='shown')).default_hooks.visualization
    assert hook == {'type': 'PoseVisualizationHook', 'enable': True, 'out_dir': 'shown'}


@pytest.mark.parametrize(
    ('visualizer', 'switches', 'warned'),
    [
        ('deepmark.LandmarkVisualizer', {'show_dir': 'shown'}, False),
        ('deepmark.LandmarkVisualizer', {'show': True}, True),
        ('DetLocalVisualizer', {'show_dir': 'shown'}, True),
    ],
)
def test_pictures_that_only_rank_0_paints_are_warned_of(
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    visualizer: str,
    switches: dict[str, object],
    warned: bool,
) -> None:
    messages: list[str] = []
    monkeypatch.setattr('deepmark.apis.test.print_log', lambda text, *_: messages.append(text))
    config.write_text(CONFIG + f"visualizer = dict(type='{visualizer}')\n")
    make_test_config(options(config, launcher='pytorch', **switches))
    assert [text.startswith('Only rank 0 paints') for text in messages] == [True] * warned
    make_test_config(options(config, **switches))
    assert len(messages) == warned


def test_augmentation_is_what_the_config_says(config: Path) -> None:
    with pytest.raises(RunError, match='--tta: the config has none of tta_pipeline'):
        make_test_config(options(config, tta=True))
    config.write_text(
        CONFIG
        + """
tta_test_cfg = dict(flip=True, soft_nms=dict(sigma=0.25))
tta_pipeline = ['scales']
"""
    )
    cfg = make_test_config(options(config, tta=True))
    assert cfg.model.test_cfg == {
        'detections': 100,
        'flip': True,
        'soft_nms': {'sigma': 0.25, 'floor': 0.01},
    }
    assert cfg.test_dataloader.dataset.dataset.pipeline == ['scales']
    assert make_test_config(options(config)).test_dataloader.dataset.dataset.pipeline == ['plain']
    config.write_text(CONFIG + "tta_model = dict(type='Wrapper')\n")
    cfg = make_test_config(options(config, tta=True))
    assert (cfg.model.type, cfg.model.module.type) == ('Wrapper', 'X')


def test_the_dump_is_named_a_pickle_before_the_test(tmp_path: Path) -> None:
    require_pickle_path(str(tmp_path / 'new' / 'a.pkl'))
    assert (tmp_path / 'new').is_dir()
    with pytest.raises(RunError, match=r'--out a\.json: the name must end in \.pkl or \.pickle'):
        require_pickle_path('a.json')
    (tmp_path / 'file').touch()
    with pytest.raises(RunError, match='cannot be created'):
        require_pickle_path(str(tmp_path / 'file' / 'a.pkl'))


def test_the_dump_is_replaced_as_a_whole(tmp_path: Path) -> None:
    metric = AtomicDumpResults(out_file_path=str(tmp_path / 'a.pkl'))
    for results in ([{'img_id': 1}], [{'img_id': 1}, {'img_id': 2}]):
        assert metric.compute_metrics(results) == {}
        with (tmp_path / 'a.pkl').open('rb') as file:
            assert pickle.load(file) == results
    assert [path.name for path in tmp_path.iterdir()] == ['a.pkl']


def test_a_missing_checkpoint_is_found_first(config: Path) -> None:
    with pytest.raises(RunError, match=r'checkpoint: a\.pth: there is no such'):
        run_test(options(config))
