# SPDX-License-Identifier: Apache-2.0
"""The config of a test that writes a submission."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from deepmark.apis.submission import write_submission
from deepmark.apis.test import TestOptions, make_test_config
from deepmark.engine.errors import RunError


def config(folder: Path) -> Config:
    (folder / 'data/test/image').mkdir(parents=True)
    data_set = {
        'type': 'deepmark.DeepFashion2Dataset',
        'data_root': str(folder / 'data'),
        'split': 'validation',
        'ann_file': 'val.json',
        'indices': 10,
        'pipeline': ['test'],
    }
    return Config(
        {
            'test_dataloader': {'dataset': {'type': 'Repeat', 'dataset': data_set}},
            'test_evaluator': [
                {'type': 'OtherMetric'},
                {'type': 'deepmark.DeepFashion2Metric', 'ann_file': 'val.json', 'prefix': 'p'},
            ],
        }
    )


def test_the_photos_of_the_test_split_are_predicted_without_annotations(tmp_path: Path) -> None:
    cfg = config(tmp_path)
    write_submission(cfg, str(tmp_path / 'out/r.json.gz'))
    assert cfg.test_evaluator == {
        'type': 'deepmark.DeepFashion2Metric',
        'prefix': 'p',
        'format_only': True,
        'outfile_prefix': str(tmp_path / 'out/r'),
        'outfile_suffix': '.json.gz',
        'overwrite': False,
    }
    assert cfg.test_dataloader.dataset.dataset == {
        'type': 'deepmark.DeepFashion2Dataset',
        'data_root': str(tmp_path / 'data'),
        'data_prefix': {'img': str(tmp_path / 'data/test/image')},
        'test_mode': True,
        'pipeline': ['test'],
    }


def test_other_photos_are_taken_from_their_folder(tmp_path: Path) -> None:
    cfg = config(tmp_path)
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'r.json').write_text('old')
    write_submission(cfg, str(tmp_path / 'r.json'), str(tmp_path / 'photos'), overwrite=True)
    data_set = cfg.test_dataloader.dataset.dataset
    assert (data_set.data_root, data_set.data_prefix.img) == ('', str(tmp_path / 'photos'))
    assert cfg.test_evaluator.overwrite
    with pytest.raises(FileExistsError, match=r'r\.json exists already'):
        write_submission(config(tmp_path / 'other'), str(tmp_path / 'r.json'))


def test_what_does_not_suit_is_refused(tmp_path: Path) -> None:
    cfg = config(tmp_path)
    with pytest.raises(RunError, match=r'--submission r\.txt: the name must end in \.json or'):
        write_submission(cfg, 'r.txt')
    with pytest.raises(RunError, match=r'absent: there is no such folder; give the folder that'):
        write_submission(cfg, str(tmp_path / 'r.json'), str(tmp_path / 'absent'))
    cfg.test_dataloader.dataset.dataset.data_root = 'nowhere'
    with pytest.raises(RunError, match=r'nowhere/test/image: there .* folder; .*--test-images'):
        write_submission(cfg, str(tmp_path / 'r.json'))
    cfg.test_dataloader.dataset = {'type': 'CocoDataset'}
    with pytest.raises(RunError, match=r'needs a deepmark\.DeepFashion2Dataset .* CocoDataset'):
        write_submission(cfg, str(tmp_path / 'r.json'))
    cfg.test_evaluator = {'type': 'CocoMetric'}
    with pytest.raises(RunError, match=r'needs one deepmark\.DeepFashion2Metric .* CocoMetric'):
        write_submission(cfg, str(tmp_path / 'r.json'))


def test_photos_need_a_submission(tmp_path: Path) -> None:
    path = tmp_path / 'net.py'
    path.write_text("model = dict(type='X')\n")
    with pytest.raises(RunError, match='--test-images names the photos for --submission'):
        make_test_config(TestOptions(config=str(path), checkpoint='a.pth', test_images='photos'))
