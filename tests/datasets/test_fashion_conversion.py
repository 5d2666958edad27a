# SPDX-License-Identifier: Apache-2.0
"""Raw lists to COCO-style files and back: nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from deepmark.datasets import DatasetError
from deepmark.datasets.fashion_coco import read_fashion_coco
from deepmark.datasets.fashion_conversion import coco_to_lists, lists_to_coco
from deepmark.datasets.fashion_lists import find_lists, read_lists
from deepmark.datasets.fashion_records import SPLITS, FashionRecords
from deepmark.datasets.problems import Problems
from deepmark.json_file import JsonFileError

from .fashion_examples import C_LANDMARKS, FLD_LANDMARKS, write_benchmark

TYPES = ('upper', 'lower', 'full')


def read(root: Path) -> FashionRecords:
    return read_lists(find_lists(root), Problems()).records


@pytest.mark.parametrize('landmarks', [FLD_LANDMARKS, C_LANDMARKS])
@pytest.mark.parametrize('subsets', [('all',), TYPES])
def test_round_trip(tmp_path: Path, landmarks: str, subsets: tuple[str, ...]) -> None:
    root = write_benchmark(tmp_path / 'b', landmarks=landmarks)
    written = lists_to_coco(root, tmp_path / 'coco', subsets=subsets)
    assert len(written) == 3 * len(subsets)
    files = {split: [path for path in written if split in path.stem] for split in SPLITS}
    coco_to_lists(files, tmp_path / 'again')
    before, after = read(root), read(tmp_path / 'again')
    for name in before.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name), name)


def test_a_file_of_upper_body_clothes_is_mmposes(tmp_path: Path) -> None:
    lists_to_coco(write_benchmark(tmp_path / 'b'), tmp_path, subsets=['upper'])
    content = json.loads((tmp_path / 'fld_upper_train.json').read_text())
    assert content['images'] == [{'id': 1, 'file_name': 'img/a.jpg', 'width': 100, 'height': 80}]
    assert content['categories'][0]['keypoints'][4:] == ['left hem', 'right hem']
    (annotation,) = content['annotations']
    assert annotation['bbox'] == [10, 5, 50, 70]
    assert annotation['area'] == 3500
    # x, y, v with COCO's v: the third is occluded, the last cut off.
    assert annotation['keypoints'][:9] == [20, 10, 2, 50, 11, 2, 12, 30, 1]
    assert annotation['keypoints'][15:] == [0, 0, 0]
    assert annotation['num_keypoints'] == 5
    # The other splits have no upper body clothes.
    assert json.loads((tmp_path / 'fld_upper_test.json').read_text())['annotations'] == []


def test_mmpose_reads_what_we_write(tmp_path: Path) -> None:
    from mmpose.datasets import DeepFashionDataset

    root = write_benchmark(tmp_path / 'b')
    lists_to_coco(root, tmp_path, subsets=['full'])
    dataset = DeepFashionDataset(
        ann_file=str(tmp_path / 'fld_full_test.json'), data_prefix=dict(img=str(root))
    )
    info = dataset[0]
    assert info['keypoints'][0, 7].tolist() == [65, 78]
    assert info['img_path'] == str(root / 'img/c.jpg')


def test_existing_files_stay(tmp_path: Path) -> None:
    root = write_benchmark(tmp_path / 'b')
    (tmp_path / 'fld_all_test.json').write_text('mine')
    with pytest.raises(FileExistsError, match='fld_all_test'):
        lists_to_coco(root, tmp_path)
    assert not (tmp_path / 'fld_all_train.json').exists()
    lists_to_coco(root, tmp_path, overwrite=True)
    assert (tmp_path / 'fld_all_test.json').read_text() != 'mine'


def test_one_garment_an_image(tmp_path: Path) -> None:
    written = lists_to_coco(write_benchmark(tmp_path / 'b'), tmp_path, subsets=['all', 'upper'])
    train = [path for path in written if path.stem.endswith('train')]
    with pytest.raises(DatasetError, match=r'img/a\.jpg: 2 garments'):
        coco_to_lists({'train': train}, tmp_path / 'again')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'keypoints': [1.0] * 15}, r'annotations\[0\]\.keypoints: wrong number .*15 numbers'),
        ({'keypoints': [1.0, 1.0, 3.0] * 6}, r'annotations\[0\]\.keypoints: visibility'),
        ({'image_id': 9}, r'annotations\[0\]\.image_id: annotation of an unknown image \(9\)'),
        ({'clothes_type': 4}, r'annotations\[0\]\.clothes_type: unknown clothes type \(4\)'),
    ],
)
def test_annotations_that_cannot_be(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / 'fld_upper_train.json'
    lists_to_coco(write_benchmark(tmp_path / 'b'), tmp_path, subsets=['upper'])
    content = json.loads(path.read_text())
    content['annotations'][0].update(change)
    path.write_text(json.dumps(content))
    problems = Problems()
    result = read_fashion_coco(path, problems)
    assert len(result.records) == 0
    with pytest.raises(DatasetError, match=message):
        problems.report()


def test_no_file_of_this_kind(tmp_path: Path) -> None:
    (tmp_path / 'a.json').write_text('{"images": [], "annotations": [{"id": "x"}]}')
    with pytest.raises(JsonFileError, match=r'a\.json: .*annotations'):
        read_fashion_coco(tmp_path / 'a.json', Problems())
    with pytest.raises(DatasetError, match='there is no such file'):
        read_fashion_coco(tmp_path / 'b.json', Problems())
