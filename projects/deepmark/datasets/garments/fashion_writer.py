# SPDX-License-Identifier: Apache-2.0
"""Drawn garments as FLD or DeepFashion-C: raw lists, one garment an image, eight landmarks.

Any tree in DeepFashion2's native format can be turned into one (:func:`native_to_records`), since
the eight landmarks are among DeepFashion2's, found by their groups (``docs/landmark_groups.md``):

==========  ============================================================================
collar      ``neck``; of a sling the foot of its strap, ``strap_foot``
sleeve      outer corner of the cuff, ``cuff_outer``; without sleeves ``shoulder``
waistline   ``side_waist`` of a dress, ``waistband`` of shorts, trousers and skirts
hem         ``hem``; of shorts and trousers the outer corner of the leg, ``leg_hem_outer``
==========  ============================================================================

On FLD's photos, too, the sleeve's landmark is its outer corner. Left is the image's on both sides.

As in the benchmarks coordinates are whole pixels and boxes are not tight: each side is
:data:`BOX_MARGIN` of the garment's size farther out, up to the image's border.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from deepmark.datasets.fashion_lists_writer import write_lists
from deepmark.datasets.fashion_records import (
    FULL,
    HAS_LANDMARK,
    LANDMARKS,
    LOWER,
    SPLITS,
    UPPER,
    FashionRecords,
    concatenate,
)
from deepmark.datasets.image_size import list_images, read_image_size
from deepmark.schema import Category, LandmarkSchema, get_schema

from .config import GarmentConfig, GarmentError
from .writer import make_garments

BOX_MARGIN = 0.05
FLD_NAME = 'img/img_{:08d}.jpg'
_GROUPS = {
    'collar': ('neck', 'strap_foot'),
    'sleeve': ('cuff_outer', 'shoulder'),
    'waistline': ('side_waist', 'waistband'),
    'hem': ('hem', 'leg_hem_outer'),
}


def make_fashion_landmarks(
    out_dir: str | os.PathLike[str],
    counts: Mapping[str, int],
    config: GarmentConfig | None = None,
    seed: int = 0,
    workers: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Path:
    """Write a benchmark of drawn garments: Anno, Eval and img below a folder.

    Which garment of a drawing is annotated depends on the seed and the image's number only.

    Args:
        out_dir: root of the data set.
        counts: images of 'train', 'val' and 'test'; splits may be left out.
        config: settings of the drawings.
        seed: of the data set.
        workers: processes; None takes one per core.
        overwrite: replace the folder.
        progress: show a progress bar (on standard error).

    Raises:
        FileExistsError: the folder exists and ``overwrite`` is not set.
        GarmentError: an unknown split, or no images at all.
    """
    wanted = {split: counts[split] for split in SPLITS if counts.get(split)}
    unknown = sorted(set(counts) - set(SPLITS))
    if unknown or not wanted:
        raise GarmentError(
            f'counts is {dict(counts)}: expected images of {", ".join(SPLITS)}, at least one'
        )
    target = Path(out_dir)
    if target.exists() and not overwrite:
        raise FileExistsError(f'{target} exists: give --overwrite (overwrite=True) to replace it')
    partial = target.with_name(f'.{target.name}.partial')
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _write(partial, wanted, config, seed, workers, progress)
        _replace(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _write(
    root: Path,
    counts: Mapping[str, int],
    config: GarmentConfig | None,
    seed: int,
    workers: int | None,
    progress: bool,
) -> None:
    parts, first = [], 1
    (root / 'img').mkdir(parents=True)
    for split, count in counts.items():
        drawn = make_garments(root / 'drawn', split, count, config, seed, workers, False, progress)
        names = list_images(drawn / 'image')
        records = native_to_records(drawn, split, seed, first)
        for row, name in enumerate(names):
            (drawn / 'image' / name).replace(root / FLD_NAME.format(first + row))
        parts.append(records)
        first += count
    shutil.rmtree(root / 'drawn')
    write_lists(root, concatenate(parts))


def _replace(partial: Path, target: Path) -> None:
    old = target.with_name(f'.{target.name}.old')
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.replace(old)
    partial.replace(target)
    shutil.rmtree(old, ignore_errors=True)


def native_to_records(
    folder: str | os.PathLike[str],
    split: str,
    seed: int = 0,
    first_id: int = 1,
    schema: LandmarkSchema | None = None,
) -> FashionRecords:
    """One garment of each image of a tree in DeepFashion2's native format.

    Drawn at random among those of whose landmarks at least half can be seen; when there is none,
    among those with the largest visible share.

    Args:
        folder: holds ``image`` and ``annos``.
        split: 'train', 'val' or 'test'.
        seed: of the choice of garments.
        first_id: number of the first image; names are FLD's, ``img/img_00000001.jpg`` ...
        schema: categories with landmark groups.
    """
    schema = get_schema(schema)
    rows = []
    for number, name in enumerate(list_images(Path(folder) / 'image'), first_id):
        wh = read_image_size(Path(folder) / 'image' / name)
        text = (Path(folder) / 'annos' / name).with_suffix('.json').read_text(encoding='utf-8')
        rng = np.random.default_rng([seed, number])
        rows.append(_choose(json.loads(text), schema, wh, rng))
    ids = np.arange(first_id, first_id + len(rows))
    return FashionRecords(
        names=np.array([FLD_NAME.format(number).encode() for number in ids.tolist()]),
        ids=ids,
        image_ids=ids,
        splits=np.full(len(rows), SPLITS.index(split), dtype=np.int8),
        clothes_types=np.array([row[0] for row in rows], dtype=np.int8),
        variations=np.ones(len(rows), dtype=np.int8),
        bboxes=np.array([row[1] for row in rows], dtype=np.float64),
        keypoints=np.stack([row[2] for row in rows]),
    )


_Garment = tuple[int, list[float], npt.NDArray[np.float64]]


def _choose(
    annotation: Mapping[str, Any],
    schema: LandmarkSchema,
    image_wh: tuple[int, int],
    rng: np.random.Generator,
) -> _Garment:
    """One of the garments that can be seen well; see :func:`native_to_records`."""
    garments = [
        _garment(item, schema, image_wh)
        for key, item in annotation.items()
        if key.startswith('item')
    ]
    shares = np.array([
        (keypoints[:, 2] == 2).sum() / HAS_LANDMARK[clothes_type].sum()
        for clothes_type, _, keypoints in garments
    ])  # fmt: skip
    return garments[int(rng.choice(np.flatnonzero(shares >= min(0.5, shares.max()))))]


def _garment(
    item: Mapping[str, Any], schema: LandmarkSchema, image_wh: tuple[int, int]
) -> _Garment:
    """Clothes type, box and (8, 3) landmarks of one item."""
    category = schema.categories[schema.label_of(item['category_id'])]
    landmarks = np.asarray(item['landmarks'], np.float64).reshape(-1, 3)
    keypoints = np.zeros((len(LANDMARKS), 3))
    for slot, index in enumerate(landmark_indices(category)):
        if index is not None:
            keypoints[slot] = landmarks[index]
    x1, y1, x2, y2 = item['bounding_box']
    margin = BOX_MARGIN * np.array([x2 - x1, y2 - y1])
    low = np.floor(np.maximum(np.array([x1, y1]) - margin, 0))
    high = np.ceil(np.minimum(np.array([x2, y2]) + margin, image_wh))
    inside = np.rint(np.clip(keypoints[:, :2], low, high - 1))
    keypoints[:, :2] = np.where(keypoints[:, 2:] > 0, inside, 0)
    return clothes_type_of(category), [*low.tolist(), *high.tolist()], keypoints


def clothes_type_of(category: Category) -> int:
    """1 upper, 2 lower, 3 full body, by what a category has: a waistband, or a skirt's side."""
    groups = set(category.keypoint_groups)
    if 'waistband_left' in groups:
        return LOWER
    return FULL if 'side_skirt_left' in groups else UPPER


def landmark_indices(category: Category) -> list[int | None]:
    """Class-local index of each of the eight landmarks; None where the type has none.

    Raises:
        GarmentError: the category lacks a landmark of its clothes type.
    """
    has = HAS_LANDMARK[clothes_type_of(category)].tolist()
    places = {name: index for index, name in enumerate(category.keypoint_groups)}
    indices: list[int | None] = []
    for name, needed in zip(LANDMARKS, has, strict=True):
        side, part = name.split()
        found = [places[f'{g}_{side}'] for g in _GROUPS[part] if f'{g}_{side}' in places]
        if needed and not found:
            groups = ' or '.join(f'{group}_{side}' for group in _GROUPS[part])
            raise GarmentError(f'{category.name}: no landmark group {groups} for the {name}')
        indices.append(found[0] if needed else None)
    return indices
