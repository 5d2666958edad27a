# SPDX-License-Identifier: Apache-2.0
"""A tree of DeepFashion2's real size without its photos.

``<folder>/annos`` has the annotations in the data set's own layout, ``<folder>/image`` a file for
each of them: hard links to a few small JPEGs of different sizes, because only their headers are
looked at. A tree is made once; ``synthetic.json`` in it, written last, says how.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image

from deepmark.datasets.processes import results_of, usable_workers
from deepmark.progress import show_progress
from deepmark.schema import DEEPFASHION2

TRAIN_IMAGES, TRAIN_ITEMS = 191_961, 312_186
PHOTO_SIZES = ((468, 624), (640, 960), (750, 750), (750, 1000), (800, 1200), (1080, 1080))
MANIFEST = 'synthetic.json'
_VERSION = 1
_FILES_PER_JOB = 2048
_LINKS_PER_FILE = 30_000  # ext4 allows 65,000

# Garments of each category in the training split, by the data set's README.
_FREQUENCIES = np.array(
    [71645, 36064, 543, 13457, 16095, 1985, 36616, 55387, 30835, 17211, 7907, 17949, 6492]
)


@dataclass(frozen=True)
class SyntheticTree:
    """What determines a tree.

    Args:
        num_images: photos, and annotation files.
        num_items: garments; each photo has the average number, rounded down or up.
        seed: file i depends on seed and i only.
    """

    num_images: int = TRAIN_IMAGES
    num_items: int = TRAIN_ITEMS
    seed: int = 0

    def items_of(self, index: int) -> int:
        """Number of garments of photo ``index`` (from 0)."""
        ends = [(index + n) * self.num_items // self.num_images for n in (0, 1)]
        return ends[1] - ends[0]


def make_tree(
    folder: str | os.PathLike[str],
    tree: SyntheticTree,
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Write a tree unless it is there; a half-finished or another one is replaced.

    Returns:
        The folder.
    """
    folder = Path(folder)
    manifest = json.dumps({'version': _VERSION, **asdict(tree)})
    path = folder / MANIFEST
    if path.is_file() and path.read_text(encoding='utf-8') == manifest:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    for name in ('image', 'annos', 'photos'):
        (folder / name).mkdir(parents=True)
    _make_photos(folder / 'photos', tree)
    starts = range(0, tree.num_images, _FILES_PER_JOB)
    jobs = [(folder, tree, start, min(start + _FILES_PER_JOB, tree.num_images)) for start in starts]
    with results_of(_write_files, jobs, usable_workers(workers, len(jobs))) as results:
        for _ in show_progress(results, 'synthetic annotations', len(jobs), progress):
            pass
    path.write_text(manifest, encoding='utf-8')
    return folder


def synthetic_file(tree: SyntheticTree, index: int) -> dict[str, Any]:
    """Content of the annotation file of photo ``index`` (from 0)."""
    random = np.random.default_rng([tree.seed, index])
    width, height = PHOTO_SIZES[index % len(PHOTO_SIZES)]
    content: dict[str, Any] = {
        'source': ('user', 'shop')[int(random.integers(2))],
        'pair_id': index // 12 + 1,
    }
    for number in range(1, tree.items_of(index) + 1):
        content[f'item{number}'] = _item(random, width, height)
    return content


def _item(random: np.random.Generator, width: int, height: int) -> dict[str, Any]:
    label = int(random.choice(len(_FREQUENCIES), p=_FREQUENCIES / _FREQUENCIES.sum()))
    category = DEEPFASHION2.categories[label]
    left, top = random.integers(0, (width // 2, height // 2))
    right, bottom = random.integers((width // 2 + 20, height // 2 + 20), (width, height))
    corner, extent = np.array([left, top]), np.array([right - left, bottom - top])
    landmarks = np.empty((category.num_keypoints, 3), np.int64)
    landmarks[:, :2] = corner + random.random((category.num_keypoints, 2)) * extent
    landmarks[:, 2] = random.choice(3, category.num_keypoints, p=(0.25, 0.25, 0.5))
    landmarks[landmarks[:, 2] == 0] = 0
    scale, occlusion, zoom_in, viewpoint = random.integers(1, 4, 4).tolist()
    return {
        'category_id': category.category_id,
        'category_name': category.name,
        'bounding_box': [int(left), int(top), int(right), int(bottom)],
        'landmarks': landmarks.ravel().tolist(),
        'segmentation': [_polygon(random, corner, extent) for _ in range(random.integers(1, 4))],
        'scale': scale,
        'occlusion': occlusion,
        'zoom_in': zoom_in,
        'viewpoint': viewpoint,
        'style': int(random.integers(4)),
    }


def _polygon(random: np.random.Generator, corner: Any, extent: Any) -> list[float]:
    """30 to 60 vertices on an ellipse, with two decimals as in the data set."""
    angles = np.sort(random.random(random.integers(30, 61))) * 2 * np.pi
    points = corner + (0.5 + 0.5 * np.stack([np.cos(angles), np.sin(angles)], axis=1)) * extent
    flat: list[float] = points.round(2).ravel().tolist()
    return flat


def _write_files(job: tuple[Path, SyntheticTree, int, int]) -> None:
    folder, tree, start, end = job
    for index in range(start, end):
        stem = f'{index + 1:06d}'
        content = msgspec.json.encode(synthetic_file(tree, index))
        (folder / 'annos' / f'{stem}.json').write_bytes(content)
        photo, image = folder / 'photos' / _photo_name(index), folder / 'image' / f'{stem}.jpg'
        try:
            os.link(photo, image)
        except OSError:  # a file system without hard links
            shutil.copyfile(photo, image)


def _make_photos(folder: Path, tree: SyntheticTree) -> None:
    for index in range(0, tree.num_images, _LINKS_PER_FILE * len(PHOTO_SIZES)):
        for number, size in enumerate(PHOTO_SIZES):
            Image.new('RGB', size, (90, 110, 130)).save(folder / _photo_name(index + number))


def _photo_name(index: int) -> str:
    """The file whose link photo ``index`` is: its size, and a new file when links run out."""
    return f'{index % len(PHOTO_SIZES)}-{index // (_LINKS_PER_FILE * len(PHOTO_SIZES))}.jpg'
