# SPDX-License-Identifier: Apache-2.0
"""Configs pointed at data; garments drawn once."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from deepmark.comparison.data import (
    Data,
    describe_data,
    draw_garments,
    find_data,
    point_at,
    require_all_data,
)
from deepmark.engine.errors import RunError


def test_every_root_and_the_paths_below_it() -> None:
    cfg = Config(
        dict(
            train_dataloader=dict(
                dataset=dict(
                    type='MultiImageMixDataset',
                    dataset=dict(data_root='data/DeepFashion2/', pipeline=[dict(type='Mosaic')]),
                )
            ),
            val_dataloader=dict(
                dataset=dict(datasets=[dict(data_root='data/DeepFashion2', split='validation')])
            ),
            test_dataloader=dict(dataset=dict(data_root='old', bbox_file='old/boxes.json')),
            val_evaluator=dict(ann_file='data/DeepFashion2/validation/annos'),
            test_evaluator=[dict(ann_file='old/validation/annos'), dict(ann_file='older/a.json')],
            model=dict(path='old/stays'),
        )
    )
    point_at(cfg, Path('new/place'))
    assert cfg.train_dataloader.dataset.dataset.data_root == 'new/place'
    assert cfg.val_dataloader.dataset.datasets[0].data_root == 'new/place'
    assert cfg.val_dataloader.dataset.datasets[0].split == 'validation'
    assert cfg.test_dataloader.dataset.data_root == 'new/place'
    assert cfg.test_dataloader.dataset.bbox_file == 'new/place/boxes.json'
    assert cfg.val_evaluator.ann_file == 'new/place/validation/annos'
    assert cfg.test_evaluator[0].ann_file == 'new/place/validation/annos'
    assert cfg.test_evaluator[1].ann_file == 'older/a.json'
    assert cfg.model.path == 'old/stays'


def test_names_and_folders(tmp_path: Path) -> None:
    assert find_data('garments') == Data('garments', Path('data/garments_benchmark'))
    assert find_data('deepfashion2') == Data('deepfashion2', None)
    assert find_data(str(tmp_path)) == Data(tmp_path.name, tmp_path)
    with pytest.raises(RunError, match='--data nowhere: there is no such folder'):
        find_data('nowhere')


def test_garments_are_drawn_once(tmp_path: Path) -> None:
    splits = {'train': 2, 'validation': 1}
    draw_garments(tmp_path, splits)
    first = tmp_path / 'train' / 'image' / '000001.jpg'
    drawn = first.stat().st_mtime_ns
    draw_garments(tmp_path, splits)
    assert first.stat().st_mtime_ns == drawn
    draw_garments(tmp_path, {'train': 3, 'validation': 1})
    assert len(list((tmp_path / 'train' / 'image').iterdir())) == 3
    described = describe_data(Data('garments', tmp_path), Config({}))
    assert described['name'] == 'garments'
    assert described['train']['count'] == 3
    assert described['validation']['seed'] == 0


def test_other_data_are_counted(tmp_path: Path) -> None:
    (tmp_path / 'train' / 'image').mkdir(parents=True)
    (tmp_path / 'train' / 'image' / '1.jpg').touch()
    cfg = Config({'train_dataloader': {'dataset': {'data_root': str(tmp_path)}}})
    described = describe_data(Data('deepfashion2', None), cfg)
    assert described == {'name': 'deepfashion2', 'train': {'images': 1}}


def test_absent_data_are_said_early(tmp_path: Path) -> None:
    root = str(tmp_path / 'DeepFashion2')
    cfg = Config({'train_dataloader': {'dataset': {'data_root': root}}})
    with pytest.raises(RunError, match=r'a\.py: train_dataloader.*does not exist.*--data garments'):
        require_all_data(cfg, 'a.py')
