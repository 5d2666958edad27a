# SPDX-License-Identifier: Apache-2.0
"""A small DeepFashion2 tree to write to and read from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope

from deepmark.datasets import DeepFashion2Dataset, annotation_build, fingerprint
from deepmark.schema import DEEPFASHION2


class NativeTree:
    """Writes ``<root>/train/image`` and ``<root>/train/annos``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.images = root / 'train' / 'image'
        self.annos = root / 'train' / 'annos'
        self.images.mkdir(parents=True)
        self.annos.mkdir(parents=True)

    def item(self, category_id: int = 11, **changes: Any) -> dict[str, Any]:
        """A garment in the box 10 20 50 60 with landmark k (from 0) at (12 + k, 25 + k / 2)."""
        category = DEEPFASHION2.categories[DEEPFASHION2.label_of(category_id)]
        landmarks: list[float] = []
        for k in range(category.num_keypoints):
            landmarks += [12 + k, 25 + k / 2, 2 - k % 3]
        item = {
            'category_id': category_id,
            'category_name': category.name,
            'bounding_box': [10, 20, 50, 60],
            'landmarks': landmarks,
            'segmentation': [[10, 20, 50, 20, 50, 60], [11.5, 30, 20, 30, 20, 40, 11.5, 40]],
            'scale': 2,
            'occlusion': 1,
            'zoom_in': 3,
            'viewpoint': 2,
            'style': 4,
        }
        return {**item, **changes}

    def add(self, stem: str, *items: dict[str, Any], wh: tuple[int, int] = (80, 70)) -> None:
        content: dict[str, Any] = {'source': 'shop', 'pair_id': 7}
        content |= {f'item{number}': item for number, item in enumerate(items, 1)}
        self.add_image(stem, wh)
        self.annotation(stem).write_text(json.dumps(content))

    def add_image(self, stem: str, wh: tuple[int, int] = (80, 70)) -> Path:
        path = self.images / f'{stem}.jpg'
        picture = np.random.default_rng(0).integers(0, 255, (wh[1], wh[0], 3), dtype=np.uint8)
        assert cv2.imwrite(str(path), picture)
        return path

    def annotation(self, stem: str) -> Path:
        return self.annos / f'{stem}.json'

    def edit(self, stem: str, **changes: Any) -> None:
        """Change keys of item1."""
        content = json.loads(self.annotation(stem).read_text())
        content['item1'].update(changes)
        self.annotation(stem).write_text(json.dumps(content))

    def dataset(self, **arguments: Any) -> DeepFashion2Dataset:
        return DeepFashion2Dataset(data_root=str(self.root), split='train', **arguments)


class CocoFile:
    """Writes ``<root>/val.json`` beside images in ``<root>/image``; edit ``content`` freely."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / 'image').mkdir(parents=True)
        self.content: dict[str, Any] = {'images': [], 'annotations': [], 'categories': []}
        for category in DEEPFASHION2.categories:
            self.content['categories'].append({'id': category.category_id, 'name': category.name})

    def add_image(self, image_id: int, wh: tuple[int, int] = (80, 70)) -> None:
        name = f'{image_id:06d}.jpg'
        cv2.imwrite(str(self.root / 'image' / name), np.zeros((wh[1], wh[0], 3), np.uint8))
        entry = {'id': image_id, 'file_name': name, 'width': wh[0], 'height': wh[1]}
        self.content['images'].append(entry)

    def add_item(self, image_id: int, category_id: int = 11, **changes: Any) -> dict[str, Any]:
        """A garment with all landmarks of its category at (x, y, v) = (20, 30, 2)."""
        label = DEEPFASHION2.label_of(category_id)
        dense = np.zeros((DEEPFASHION2.num_slots, 3))
        dense[DEEPFASHION2.slot_offsets[label] : DEEPFASHION2.slot_offsets[label + 1]] = 20, 30, 2
        annotation = {
            'id': len(self.content['annotations']) + 1,
            'image_id': image_id,
            'category_id': category_id,
            'bbox': [10, 20, 40, 40],
            'area': 1234.5,
            'iscrowd': 0,
            'keypoints': dense.ravel().tolist(),
            'segmentation': [],
        }
        self.content['annotations'].append({**annotation, **changes})
        return self.content['annotations'][-1]

    def dataset(self, **arguments: Any) -> DeepFashion2Dataset:
        (self.root / 'val.json').write_text(json.dumps(self.content))
        prefix = {'img': 'image'}
        return DeepFashion2Dataset(
            data_root=str(self.root), ann_file='val.json', data_prefix=prefix, **arguments
        )


@pytest.fixture
def native_tree(tmp_path: Path) -> NativeTree:
    return NativeTree(tmp_path / 'native')


@pytest.fixture
def coco_file(tmp_path: Path) -> CocoFile:
    return CocoFile(tmp_path / 'coco')


@pytest.fixture
def mmdet_scope() -> Iterator[None]:
    """Configs are built as mmdet's runner builds them: with ``default_scope = 'mmdet'``."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lines that go to mmengine's log."""
    lines: list[str] = []

    def note(message: str, **_: Any) -> None:
        lines.append(message)

    for module in ('annotation_cache', 'problems', 'deepfashion2', 'transforms.load_image'):
        monkeypatch.setattr(f'deepmark.datasets.{module}.print_log', note)
    return lines


@pytest.fixture
def user_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cache of the user, and none named by the environment."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'user'))
    monkeypatch.delenv('DEEPMARK_CACHE', raising=False)


@pytest.fixture
def five(native_tree: Any) -> Any:
    """Five images with 1, 2, 0, 1 and 1 garments."""
    native_tree.add('000001', native_tree.item(1))
    native_tree.add('000002', native_tree.item(7), native_tree.item(11))
    native_tree.add('000003')
    native_tree.add('000004', native_tree.item(4), wh=(90, 75))
    native_tree.add('000005', native_tree.item(13))
    return native_tree


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotation_build, 'IMAGES_PER_PART', 2)


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, 'MANY_FILES', 1)
    monkeypatch.setattr(fingerprint, 'LARGE_FILE', 1)
