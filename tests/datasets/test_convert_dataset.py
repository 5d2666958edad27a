# SPDX-License-Identifier: Apache-2.0
"""Conversions from and to all forms, and what is refused."""

from __future__ import annotations

import errno
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from deepmark.datasets import convert_dataset
from deepmark.datasets.convert_dataset import Conversion, convert
from deepmark.datasets.deepfashion2 import DeepFashion2Dataset
from deepmark.datasets.problems import DatasetError, Kind


@pytest.fixture
def tree(native_tree: Any) -> Any:
    """Three photos, one of them without a garment."""
    native_tree.add('000001', native_tree.item(), native_tree.item(7))
    native_tree.add('000002')
    native_tree.add('000007', native_tree.item(9, bounding_box=[10.1, 20.3, 50.7, 60.9]))
    return native_tree


def split(tree: Any) -> Path:
    folder: Path = tree.root / 'train'
    return folder


def instances(dataset: DeepFashion2Dataset) -> list[list[dict[str, Any]]]:
    """All garments as plain values."""
    records = [dataset.get_data_info(index)['instances'] for index in range(len(dataset))]
    return [
        [{**item, 'keypoints': item['keypoints'].tolist()} for item in items] for items in records
    ]


@pytest.mark.parametrize('form', ['coco', 'coco-compact'])
@pytest.mark.parametrize('name', ['all.json', 'all.json.gz'])
def test_tree_to_coco_to_tree(tree: Any, tmp_path: Path, form: Any, name: str) -> None:
    out = tmp_path / 'new' / name
    summary = convert(Conversion(split(tree), form, out))
    assert (summary.num_images, summary.num_garments) == (3, 3)
    assert summary.megabytes == out.stat().st_size / 1e6
    assert str(summary).startswith(f'{out}: 3 images, 3 garments from the files, 0.0 MB, ')
    found = DeepFashion2Dataset(
        ann_file=str(out), data_prefix={'img': str(tree.images)}, with_polygons=True
    )
    assert instances(found) == instances(tree.dataset(with_polygons=True))
    annos = tmp_path / 'annos'
    convert(Conversion(out, 'native', annos, image_folder=tree.images))
    back = DeepFashion2Dataset(
        ann_file=str(annos), data_prefix={'img': str(tree.images)}, with_polygons=True
    )
    assert instances(back) == instances(found)


def test_official_names_become_the_data_set_s(tree: Any, tmp_path: Path) -> None:
    tree.edit('000001', category_name='long_sleeved_dress')
    convert(Conversion(split(tree), 'native', tmp_path / 'annos', allow_loss=True))
    content = json.loads((tmp_path / 'annos' / '000001.json').read_text())
    assert content['item1']['category_name'] == 'long sleeve dress'


def test_records_are_built_and_found_again(tree: Any, tmp_path: Path) -> None:
    conversion = Conversion(split(tree), 'records', tmp_path / 'cache')
    first, second = convert(conversion), convert(conversion)
    assert first.path is not None
    assert first.path.parent == tmp_path / 'cache'
    assert first.megabytes == first.path.stat().st_size / 1e6
    assert (first.from_cache, second.from_cache, second.path) == (False, True, first.path)
    assert 'garments from the cache' in str(second)
    small = convert(Conversion(split(tree), 'records'))
    assert str(small).startswith('no cache (small data sets')


def test_visible_only(tree: Any, tmp_path: Path) -> None:
    out = tmp_path / 'visible.json.gz'
    convert(Conversion(split(tree), 'coco-compact', out, visible_only=True))
    content = json.loads(gzip.decompress(out.read_bytes()))
    assert content['info']['visible_only'] is True
    visibilities = {v for entry in content['annotations'] for v in entry['keypoints'][2::3]}
    assert visibilities == {0, 2}


def test_problems_stop_or_are_left_out(tree: Any, tmp_path: Path, logged: list[str]) -> None:
    tree.edit('000007', category_id=14)
    out = tmp_path / 'all.json'
    with pytest.raises(DatasetError, match=r'000007\.json: item1\.category_id: unknown category'):
        convert(Conversion(split(tree), 'coco', out))
    assert not out.exists()
    assert convert(Conversion(split(tree), 'coco', out, on_problem='warn')).num_garments == 2
    assert f'1 x {Kind.UNKNOWN_CATEGORY.title}' in {line.split(':')[0] for line in logged}


def test_photos_of_a_coco_file(tree: Any, tmp_path: Path) -> None:
    convert(Conversion(split(tree), 'coco', tmp_path / 'all.json'))
    again = Conversion(tmp_path / 'all.json', 'coco-compact', tmp_path / 'compact.json')
    with pytest.raises(DatasetError, match=r'images\[0\]\.file_name: image file missing'):
        convert(again)
    unchecked = Conversion(**{**vars(again), 'check_images': False})
    assert convert(unchecked).num_garments == 3


def test_loss_is_refused_unless_allowed(coco_file: Any, tmp_path: Path) -> None:
    coco_file.add_image(3)
    coco_file.add_item(3, iscrowd=1)
    source = coco_file.root / 'val.json'
    source.write_text(json.dumps(coco_file.content))
    conversion = Conversion(source, 'native', tmp_path / 'annos')
    with pytest.raises(DatasetError, match=r'1 garments with iscrowd = 1; 1 areas .*--allow-loss'):
        convert(conversion)
    assert not (tmp_path / 'annos').exists()
    convert(Conversion(**{**vars(conversion), 'allow_loss': True}))
    assert [path.name for path in (tmp_path / 'annos').iterdir()] == ['000003.json']


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'source': Path('absent')}, 'absent: no such file or folder'),
        ({'to': 'voc'}, 'voc: no such form. Fix: give one of records, coco, coco-compact, native'),
        ({'to': 'native', 'visible_only': True}, '--visible-only leaves .* and native has no file'),
        ({'to': 'records', 'visible_only': True}, 'Fix: write coco or coco-compact'),
        ({'out': None}, 'coco needs a place to write to. Fix: give --out'),
        ({'out': Path('all.txt')}, 'all.txt: a COCO file ends in .json or .json.gz'),
        ({'workers': 0}, '--workers is 0'),
    ],
)
def test_bad_options(tree: Any, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    options: dict[str, Any] = {'source': split(tree), 'to': 'coco', 'out': tmp_path / 'a.json'}
    with pytest.raises(DatasetError, match=message):
        convert(Conversion(**{**options, **changes}))
    assert not (tmp_path / 'a.json').exists()


def test_source_and_existing_files_are_never_replaced_unasked(tree: Any, tmp_path: Path) -> None:
    for out in (split(tree), tree.annos, tree.images):
        with pytest.raises(DatasetError, match='is the source itself'):
            convert(Conversion(split(tree), 'native', out, overwrite=True))
    (tmp_path / 'a.json').write_text('old')
    with pytest.raises(FileExistsError, match='--overwrite'):
        convert(Conversion(split(tree), 'coco', tmp_path / 'a.json'))
    assert (tmp_path / 'a.json').read_text() == 'old'
    convert(Conversion(split(tree), 'coco', tmp_path / 'a.json', overwrite=True))
    link = tmp_path / 'link.json'
    link.symlink_to(tmp_path / 'a.json')
    with pytest.raises(DatasetError, match='is the source itself'):
        convert(Conversion(tmp_path / 'a.json', 'coco', link, image_folder=tree.images))


def test_the_folder_of_the_source_is_not_replaced(tree: Any, tmp_path: Path) -> None:
    ann, photos = tmp_path / 'ann', tree.images
    for name in ('train.json', 'val.json'):
        convert(Conversion(split(tree), 'coco', ann / name))
    before = (ann / 'train.json').read_bytes()
    (tmp_path / 'link').symlink_to(ann)
    for out in (ann, tmp_path / 'link', tmp_path):
        with pytest.raises(DatasetError, match=r'holds the source .*ann/train\.json'):
            convert(
                Conversion(ann / 'train.json', 'native', out, image_folder=photos, overwrite=True)
            )
    assert (ann / 'train.json').read_bytes() == before
    assert sorted(path.name for path in ann.iterdir()) == ['train.json', 'val.json']


def test_nothing_is_written_into_the_source(tree: Any, tmp_path: Path) -> None:
    (tmp_path / 'link').symlink_to(tree.annos)
    for folder in (tree.annos, tree.images, tmp_path / 'link'):
        for form, name in (('coco', 'all.json'), ('native', 'annos')):
            with pytest.raises(DatasetError, match='lies inside the source'):
                convert(Conversion(split(tree), form, folder / name))  # type: ignore[arg-type]
    assert len(list(tree.annos.iterdir())) == 3
    convert(Conversion(split(tree), 'coco', split(tree) / 'all.json'))
    assert (split(tree) / 'all.json').exists()


def test_what_photos_without_garments_lose(tree: Any, tmp_path: Path) -> None:
    conversion = Conversion(split(tree), 'native', tmp_path / 'annos')
    with pytest.raises(DatasetError, match='source or pair_id of 1 photos without garments'):
        convert(conversion)
    tree.annotation('000002').write_text('{"source": "", "pair_id": 0}')
    assert convert(conversion).num_images == 3


def test_annotation_ids_of_a_coco_file_that_native_files_renumber(
    coco_file: Any, tmp_path: Path
) -> None:
    coco_file.add_image(3)
    coco_file.add_item(3, id=429, area=1600)
    source = coco_file.root / 'val.json'
    source.write_text(json.dumps(coco_file.content))
    with pytest.raises(DatasetError, match='hold 1 annotation ids that are renumbered'):
        convert(Conversion(source, 'native', tmp_path / 'annos'))
    convert(Conversion(source, 'native', tmp_path / 'annos', allow_loss=True))


@pytest.mark.parametrize('form', ['coco', 'native'])
def test_full_disk(tree: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Any) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    writer = {'coco': 'write_coco', 'native': 'write_native'}[form]
    monkeypatch.setattr(convert_dataset, writer, fail)
    with pytest.raises(DatasetError, match=r'out\.json: No space left .* nothing was written. Fix'):
        convert(Conversion(split(tree), form, tmp_path / 'out.json', allow_loss=True))
