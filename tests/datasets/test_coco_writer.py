# SPDX-License-Identifier: Apache-2.0
"""COCO files as written: by hand, by pycocotools, and by the project's own evaluation."""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from deepmark.datasets import coco_writer
from deepmark.datasets.coco_reader import CocoReader
from deepmark.datasets.coco_writer import Layout, boxes_xywh, write_coco
from deepmark.datasets.packing import ImageRow, ItemRow, pack
from deepmark.datasets.problems import DatasetError, Problems
from deepmark.datasets.records import PackedRecords
from deepmark.evaluation.json_layout import read_truth
from deepmark.schema import DEEPFASHION2, Category, LandmarkSchema

SLOTS = DEEPFASHION2.num_slots


def skirt(**changes: Any) -> ItemRow:
    """8 landmarks: not labelled, occluded, visible x 6; slots 182 .. 189."""
    keypoints = np.array([[0, 0, 0], [12.34, 20, 1], *[[15, 20.5, 2]] * 6], np.float32)
    values: dict[str, Any] = {
        'label': 8,
        'bbox': (10.1, 20.3, 50.7, 60.9),
        'keypoints': keypoints,
        'position': 1,
        'area': 1648.36,
        'attributes': (2, 1, 3, 2, 4),
        'pair_id': 7,
        'source': 'shop',
        'annotation_id': 5,
        'polygons': [np.array([[10.5, 20], [30, 20], [30, 40.25]], np.float32)],
    }
    return ItemRow(**{**values, **changes})


def records(*items: ItemRow) -> PackedRecords:
    return pack([ImageRow('000003.jpg', 3, 80, 70, list(items)), ImageRow('4.jpg', 4, 9, 8)])


def many(count: int = 30) -> PackedRecords:
    """Random garments of all categories, all landmarks labelled, at least one of them visible."""
    rng = np.random.default_rng(0)
    images = []
    for image_id in range(1, count + 1):
        items = []
        for number in range(int(rng.integers(1, 4))):
            label = int(rng.integers(13))
            points = rng.uniform(20, 300, (int(DEEPFASHION2.num_keypoints[label]), 2)).round(2)
            visibility = np.append(2, rng.integers(1, 3, len(points) - 1))[:, None]
            x, y, width, height = rng.uniform(40, 200, 4).round(1).tolist()
            keypoints = np.hstack([points, visibility]).astype(np.float32)
            box = (x, y, x + width, y + height)
            item = ItemRow(label, box, keypoints, number, area=width * height)
            item.annotation_id = 10 * image_id + number
            item.attributes = tuple(rng.integers(1, 4, 5).tolist())
            items.append(item)
        images.append(ImageRow(f'{image_id:06d}.jpg', image_id, 500, 500, items))
    return pack(images)


def written(folder: Path, packed: PackedRecords, **options: Any) -> Any:
    write_coco(folder / 'out.json', packed, **options)
    return json.loads((folder / 'out.json').read_bytes())


def test_dense(tmp_path: Path) -> None:
    content = written(tmp_path, records(skirt()))
    assert content['info']['schema'] == 'deepfashion2'
    assert (content['info']['layout'], content['info']['visible_only']) == ('dense', False)
    assert content['images'] == [
        {'id': 3, 'file_name': '000003.jpg', 'width': 80, 'height': 70},
        {'id': 4, 'file_name': '4.jpg', 'width': 9, 'height': 8},
    ]
    own = [0, 0, 0, 12.34, 20, 1, *[15, 20.5, 2] * 6]
    assert content['annotations'] == [
        {
            'id': 5,
            'image_id': 3,
            'category_id': 9,
            'bbox': [10.1, 20.3, 40.6, 40.6],
            'area': 1648.36,
            'iscrowd': 0,
            'num_keypoints': 7,
            'keypoints': [*[0] * 3 * 182, *own, *[0] * 3 * (SLOTS - 190)],
            'segmentation': [[10.5, 20, 30, 20, 30, 40.25]],
            'pair_id': 7,
            'source': 'shop',
            'scale': 2,
            'occlusion': 1,
            'zoom_in': 3,
            'viewpoint': 2,
            'style': 4,
        }
    ]
    top = content['categories'][0]
    assert (top['id'], top['name'], top['skeleton']) == (1, 'short sleeve top', [])
    assert top['keypoints'] == [str(number) for number in range(1, 295)]
    assert len(content['categories']) == 13


def test_compact(tmp_path: Path) -> None:
    content = written(tmp_path, records(skirt(ignore=True)), layout='compact')
    assert content['info']['layout'] == 'compact'
    (entry,) = content['annotations']
    assert entry['keypoints'] == [0, 0, 0, 12.34, 20, 1, *[15, 20.5, 2] * 6]
    assert (entry['iscrowd'], entry['num_keypoints']) == (1, 7)
    assert [len(category['keypoints']) for category in content['categories']][8:10] == [8, 29]
    edges = DEEPFASHION2.skeleton(8)
    assert content['categories'][8]['skeleton'] == [[a + 1, b + 1] for a, b in edges]


@pytest.mark.parametrize('layout', ['dense', 'compact'])
def test_visible_only(tmp_path: Path, layout: Layout) -> None:
    (entry,) = written(tmp_path, records(skirt()), layout=layout, visible_only=True)['annotations']
    assert entry['num_keypoints'] == 6
    assert np.count_nonzero(entry['keypoints']) == 18
    assert np.reshape(entry['keypoints'], (-1, 3))[:, 2].max() == 2


def test_numbers_are_written_as_in_the_data_set(tmp_path: Path) -> None:
    box = (103.0, 80.0, 704.0, 749.0)
    write_coco(tmp_path / 'a.json', records(skirt(bbox=box, area=402069)), layout='compact')
    text = (tmp_path / 'a.json').read_text()
    assert '"bbox":[103,80,601,669],"area":402069,' in text
    assert '"keypoints":[0,0,0,12.34,20,1,15,20.5,2,' in text


def test_other_schema(tmp_path: Path) -> None:
    shoe = Category('shoe', 4, 2, ((0, 1),), ((0, 1),), (0.1, 0.1), keypoint_names=('heel', 'toe'))
    schema = LandmarkSchema('shoes', [shoe])
    item = skirt(label=0, keypoints=np.array([[5, 6, 2], [7, 8, 1]], np.float32))
    content = written(tmp_path, records(item), schema=schema, layout='compact')
    assert content['annotations'][0]['category_id'] == 4
    assert content['annotations'][0]['keypoints'] == [5, 6, 2, 7, 8, 1]
    assert content['categories'][0]['keypoints'] == ['heel', 'toe']
    assert content['categories'][0]['skeleton'] == [[1, 2]]


def test_nothing_to_write(tmp_path: Path) -> None:
    content = written(tmp_path, pack([]))
    assert (content['images'], content['annotations']) == ([], [])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'area': float('nan')}, r'areas\[0\]: nan is not finite'),
        (
            {'bbox': (0, 0, float('inf'), 3)},
            r'bboxes\[0\]: \[0\.0, 0\.0, inf, 3\.0\] is not finite',
        ),
        ({'polygons': [np.full((1, 2), np.nan, np.float32)]}, r'vertices\[0\]: \[nan, nan\]'),
        ({'bbox': (-1000, 0, 1e-20, 3)}, r'garment 0: box .* cannot be written as x y w h'),
    ],
)
def test_what_json_or_xywh_cannot_hold_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        write_coco(tmp_path / 'a.json', records(skirt(**changes)))
    assert list(tmp_path.iterdir()) == []


def test_box_of_many_digits_comes_back() -> None:
    corners = np.array([[0.1, 1 / 3, 16777.215, 2e5 / 3]], np.float32)
    boxes = boxes_xywh(corners)
    far = (boxes[:, :2] + boxes[:, 2:]).astype(np.float32)
    assert np.array_equal(far, corners[:, 2:])
    assert boxes[0, 0] == 0.1


def _full_disk(monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    """No space is left after so many writes."""
    original = coco_writer.atomic_write

    @contextlib.contextmanager
    def limited(path: Any, overwrite: bool = False) -> Iterator[Any]:
        with original(path, overwrite) as file:
            yield _LimitedFile(file, writes)

    monkeypatch.setattr(coco_writer, 'atomic_write', limited)


class _LimitedFile:
    def __init__(self, file: IO[bytes], writes: int) -> None:
        self.file, self.left = file, writes

    def write(self, data: bytes) -> int:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.ENOSPC, 'No space left on device')
        return self.file.write(data)


def test_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'a.json').write_text('old')
    _full_disk(monkeypatch, writes=30)
    with pytest.raises(OSError, match='No space left'):
        write_coco(tmp_path / 'a.json', many(), overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ['a.json']
    assert (tmp_path / 'a.json').read_text() == 'old'


def test_existing_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / 'a.json').write_text('old')
    with pytest.raises(FileExistsError, match='--overwrite'):
        write_coco(tmp_path / 'a.json', records(skirt()))
    assert (tmp_path / 'a.json').read_text() == 'old'


@pytest.mark.parametrize('visible_only', [False, True])
def test_perfect_result_has_ap_1_by_pycocotools(tmp_path: Path, visible_only: bool) -> None:
    write_coco(tmp_path / 'truth.json', many(), visible_only=visible_only)
    truth = COCO(str(tmp_path / 'truth.json'))
    fields = ('image_id', 'category_id', 'bbox', 'keypoints')
    results = [
        {**{field: entry[field] for field in fields}, 'score': 0.5}
        for entry in truth.dataset['annotations']
    ]
    for kind in ('keypoints', 'bbox'):
        evaluation = COCOeval(truth, truth.loadRes(results), kind)
        if kind == 'keypoints':
            evaluation.params.kpt_oks_sigmas = DEEPFASHION2.slot_sigmas
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        assert evaluation.stats[0] == pytest.approx(1, abs=1e-12)
    for entry in results:
        entry['keypoints'] = [value + 40 for value in entry['keypoints']]
    evaluation = COCOeval(truth, truth.loadRes(results), 'keypoints')
    evaluation.params.kpt_oks_sigmas = DEEPFASHION2.slot_sigmas
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] < 0.5


@pytest.mark.parametrize('layout', ['dense', 'compact'])
def test_evaluation_reads_the_same_rows(tmp_path: Path, layout: Layout) -> None:
    packed = many()
    write_coco(tmp_path / 'truth.json', packed, layout=layout)
    truth = read_truth(tmp_path / 'truth.json')
    assert truth.image_ids.tolist() == packed.image_ids.tolist()
    rows = truth.rows
    assert rows.labels.tolist() == packed.labels.tolist()
    assert rows.image_ids.tolist() == packed.image_ids[packed.item_images].tolist()
    np.testing.assert_array_equal(rows.keypoints.astype(np.float32), packed.keypoints)
    np.testing.assert_array_equal(rows.boxes_xywh, boxes_xywh(packed.bboxes))


def test_real_sample_comes_back_as_published(sample_folder: Path, tmp_path: Path) -> None:
    file = sample_folder / 'annotations_coco.json'
    published = json.loads(file.read_text())
    packed = CocoReader(file, sample_folder, DEEPFASHION2).read(Problems()).packed
    content = written(tmp_path, packed)
    kept = ('area', 'bbox', 'category_id', 'id', 'pair_id', 'image_id', 'iscrowd', 'style')
    kept = (*kept, 'num_keypoints', 'keypoints', 'segmentation')
    for new, old in zip(content['annotations'], published['annotations'], strict=True):
        assert {key: new[key] for key in kept} == {key: old[key] for key in kept}
    for new, old in zip(content['images'], published['images'], strict=True):
        assert new == {key: old[key] for key in new}
