# SPDX-License-Identifier: Apache-2.0
"""docs/transfer.md holds: one model for invented categories with 4, 7 and 11 landmarks.

The schema, the config and the commands are the page's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import DefaultScope

from deepmark.datasets import DeepFashion2Dataset
from deepmark.evaluation import DeepFashion2Metric
from deepmark.schema import LandmarkSchema, get_schema
from deepmark.visualization import LandmarkVisualizer

from .invented_objects import SHAPES, write_objects
from .transfer_page import block, commands, lay_out, run_page

QUICK = ['train_dataloader.batch_size=2', 'val_dataloader.batch_size=2']
WITHOUT_WORKERS = [
    f'{loader}_dataloader.{key}'
    for loader in ('train', 'val', 'test')
    for key in ('num_workers=0', 'persistent_workers=False')
]
# Far above chance, and below what half of the page's training reaches.
LEAST_BBOX_AP, LEAST_KEYPOINTS_AP = 0.3, 0.2


@pytest.fixture(scope='module')
def schema() -> LandmarkSchema:
    import yaml

    return get_schema(yaml.safe_load(block('yaml')))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The page's files, and a few images."""
    lay_out(tmp_path)
    write_objects(tmp_path / 'data' / 'objects', 15, 10)
    monkeypatch.chdir(tmp_path)
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield tmp_path


def figures(folder: Path) -> dict[str, float]:
    """What the test of the page logged."""
    file = max((folder / 'work_dirs' / 'objects').glob('2*/2*.json'))
    logged: dict[str, float] = json.loads(file.read_text())
    return logged


def test_the_page_says_what_the_data_is(schema: LandmarkSchema) -> None:
    assert len(block('python').splitlines()) < 30
    assert schema.num_keypoints.tolist() == [4, 7, 11]
    by_id = {shape.category_id: shape for shape in SHAPES}
    for category in schema.categories:
        shape = by_id[category.category_id]
        assert (category.name, category.num_keypoints) == (shape.name, len(shape.points))
        mirrored = shape.points * (-1, 1) + (1, 0)
        for first, second in category.flip_pairs:
            np.testing.assert_allclose(mirrored[first], shape.points[second], atol=1e-9)


def test_the_schema_is_everywhere(folder: Path, schema: LandmarkSchema) -> None:
    cfg = Config.fromfile(folder / 'objects.py')
    model = MODELS.build({**cfg.model, 'backbone': {**cfg.model.backbone, 'checkpoint': None}})
    maps = dict(model.bbox_head.stacks[0].items())
    widths = {name: list(branch.parameters())[-1].numel() for name, branch in maps.items()}
    assert widths['center_heatmap'] == 3
    assert widths['keypoint_heatmap'] == 4 + 7 + 11
    assert widths['coarse_keypoints'] == 2 * (4 + 7 + 11)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        dataset = DeepFashion2Dataset(**{k: v for k, v in loader.dataset.items() if k != 'type'})
        assert dataset.schema == schema
        assert dataset[0]['data_samples'].gt_instances.keypoints.shape[1:] == (11, 2)
    metric, visualizer = DeepFashion2Metric(), LandmarkVisualizer()
    for part in (metric, visualizer):
        part.dataset_meta = dataset.metainfo
        assert part.schema == schema


def test_a_mirrored_star_swaps_by_its_own_pairs(folder: Path, schema: LandmarkSchema) -> None:
    """Whatever the transforms' own default is: the pipeline names no schema."""
    pipeline = [
        {'type': 'deepmark.LoadImage'},
        {'type': 'mmdet.LoadAnnotations', 'with_bbox': True},
        {'type': 'deepmark.LoadLandmarks'},
        {'type': 'deepmark.RandomFlipLandmarks', 'prob': 1.0},
    ]
    dataset = DeepFashion2Dataset(
        schema=schema,
        data_root='data/objects',
        ann_file='train.json',
        data_prefix={'img': 'images'},
        pipeline=pipeline,
    )
    seen = set()
    for index in range(len(dataset)):
        flipped, record = dataset[index], dataset.get_data_info(index)
        width = flipped['img'].shape[1]
        for row, item in enumerate(record['instances']):
            category = schema.categories[item['bbox_label']]
            partner = list(range(category.num_keypoints))
            for first, second in category.flip_pairs:
                partner[first], partner[second] = second, first
            points = item['keypoints'][partner]
            labelled = points[:, 2] > 0
            expected = np.stack([width - 1 - points[:, 0], points[:, 1]], 1)[labelled]
            found = flipped['gt_keypoints'][row, : category.num_keypoints][labelled]
            np.testing.assert_allclose(found, expected, atol=1e-4)
            seen |= {category.name} if labelled.all() else set()
    assert seen == {'kite', 'chair', 'star'}


def test_the_pages_json_is_read(tmp_path: Path, schema: LandmarkSchema) -> None:
    (tmp_path / 'a.json').write_text(block('json'))
    (tmp_path / 'hall').mkdir()
    cv2.imwrite(str(tmp_path / 'hall' / 'train_00000.jpg'), np.zeros((160, 192, 3), np.uint8))
    dataset = DeepFashion2Dataset(
        schema=schema, data_root=str(tmp_path), ann_file='a.json', data_prefix={'img': ''}
    )
    (item,) = dataset.get_data_info(0)['instances']
    assert item['bbox'] == [20, 30, 80, 110]
    assert item['keypoints'].tolist() == [[62, 31, 2], [79, 66, 2], [38, 109, 1], [0, 0, 0]]
    assert dataset.problems.found == []


def test_odd_annotations_are_read_as_meant(folder: Path, schema: LandmarkSchema) -> None:
    write_objects(folder / 'odd', 15, 0)
    dataset = DeepFashion2Dataset(
        schema=schema,
        data_root='odd',
        ann_file='train.json',
        data_prefix={'img': 'images'},
    )
    records = [dataset.get_data_info(index) for index in range(15)]
    assert [record['img_id'] for record in records] == [1000 + 3 * n for n in range(15)]
    assert records[1]['img_path'].endswith('odd/images/attic/left/train_00001.jpg')
    assert [item['ignore_flag'] for item in records[9]['instances']][-1] == 1
    assert not records[14]['instances'][0]['keypoints'].any()
    kinds = {kind.title: count for kind, count in dataset.problems.counts().items()}
    assert kinds == {"annotation without 'keypoints', whose landmarks count as not labelled": 1}


MISTAKES: list[tuple[dict[str, Any], str]] = [
    (
        {'category_id': 8},
        r'val\.json: annotations\[0\]\.category_id: unknown category .*ids: 7, 20',
    ),
    ({'keypoints': [1, 2, 2] * 5}, r'val\.json: annotations\[0\]\.keypoints: wrong number of land'),
    ({'image_id': 2}, r'val\.json: annotations\[0\]\.image_id: annotation of an unknown image'),
]


@pytest.mark.parametrize(('change', 'message'), MISTAKES)
def test_mistakes_in_the_file_are_named(
    folder: Path, schema: LandmarkSchema, change: dict[str, Any], message: str
) -> None:
    path = folder / 'data' / 'objects' / 'val.json'
    content = json.loads(path.read_text())
    content['annotations'][0].update(change)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        DeepFashion2Dataset(
            schema=schema,
            data_root='data/objects',
            ann_file='val.json',
            data_prefix={'img': 'images'},
            test_mode=True,
        )


def test_the_commands_run_on_a_few_images(tmp_path: Path) -> None:
    lay_out(tmp_path)
    train = [
        'train_cfg.max_epochs=6',
        'train_cfg.val_interval=6',
        'train_dataloader.dataset.indices=2',
    ]
    more = {
        'invented_objects.py': ['--train', '4', '--val', '2'],
        'train.py': ['--cfg-options', *train, *QUICK, *WITHOUT_WORKERS],
        'test.py': [*QUICK, *WITHOUT_WORKERS],
        'predict.py': ['--score-thr', '0'],
    }
    run_page(tmp_path, more)
    assert {'deepfashion2/bbox_AP', 'deepfashion2/keypoints_AP'} <= figures(tmp_path).keys()
    results = json.loads((tmp_path / 'work_dirs/objects/results.json').read_text())
    assert {entry['category_id'] for entry in results} <= {7, 20, 41}
    assert {len(entry['keypoints']) for entry in results} == {3 * 22}
    predicted = tmp_path / 'work_dirs' / 'objects' / 'predictions'
    (picture,) = predicted.rglob('*.jpg')
    photo = cv2.imread(str(tmp_path / commands()['predict.py'][3]))
    assert cv2.absdiff(cv2.imread(str(picture)), photo).max() > 100  # landmarks are drawn in
    (record,) = predicted.rglob('*.json')
    assert '"category_name"' in record.read_text()
    assert list((tmp_path / 'work_dirs' / 'objects').rglob('report.html'))


@pytest.mark.slow
def test_the_page_trains_well_above_chance(tmp_path: Path) -> None:
    lay_out(tmp_path)
    half = 'train_dataloader.dataset.indices=160'  # for the time that it takes
    options = ['--cfg-options', half, *WITHOUT_WORKERS]
    run_page(tmp_path, {'train.py': options, 'test.py': WITHOUT_WORKERS})
    found = figures(tmp_path)
    assert found['deepfashion2/bbox_AP'] > LEAST_BBOX_AP
    assert found['deepfashion2/keypoints_AP'] > LEAST_KEYPOINTS_AP
