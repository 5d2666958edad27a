# SPDX-License-Identifier: Apache-2.0
"""Draws kites, chairs and stars and writes them as an ordinary COCO keypoints data set.

    python tests/transfer/invented_objects.py data/objects

gives ``images/<room>/<number>.jpg``, ``train.json`` and ``val.json``. Only OpenCV and numpy: it
knows nothing of this project, and its files hold what other people's files hold: ids that are not
1, 2, 3, images in subfolders, ``num_keypoints``, a crowd with a run-length mask, an annotation
without landmarks, occluded landmarks (v = 1), unlabelled ones (v = 0).

Landmarks are drawn in a unit square, x to the right and y down, then turned, scaled and moved.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
ROOMS = ('hall', 'attic/left')
CROWD_EVERY, BARE_EVERY = 10, 15  # images that hold a crowd, or an object without landmarks


@dataclass(frozen=True)
class Shape:
    """One kind of object.

    Attributes:
        category_id: as in the COCO file.
        name: the category's name.
        points: (K, 2) landmarks in the unit square.
        names: (K,) of the landmarks.
        polygons: landmark indices of the filled parts.
        lines: landmark indices of thick lines.
    """

    category_id: int
    name: str
    points: Points
    names: tuple[str, ...]
    polygons: tuple[tuple[int, ...], ...]
    lines: tuple[tuple[int, int], ...] = ()


def _star_points() -> Points:
    """Five tips, clockwise from the top, then the five corners between them, then the middle."""
    tips = np.deg2rad(-90 + 72 * np.arange(5))
    corners = tips + np.deg2rad(36)
    rings = [0.5 * np.stack([np.cos(tips), np.sin(tips)], 1)]
    rings += [0.22 * np.stack([np.cos(corners), np.sin(corners)], 1), np.zeros((1, 2))]
    return 0.5 + np.concatenate(rings)


# A kite hangs askew: its mirror image is no kite, so none of its landmarks has a partner.
KITE = Shape(
    category_id=7,
    name='kite',
    points=np.array([[0.7, 0.0], [1.0, 0.45], [0.3, 1.0], [0.45, 0.2]]),
    names=('nose', 'wing', 'tail', 'spine'),
    polygons=((0, 1, 2, 3),),
    lines=((0, 2),),
)
CHAIR = Shape(
    category_id=20,
    name='chair',
    points=np.array(
        [[0.2, 0.0], [0.8, 0.0], [0.15, 0.55], [0.85, 0.55], [0.5, 0.62], [0.1, 1.0], [0.9, 1.0]]
    ),
    names=('back_l', 'back_r', 'seat_l', 'seat_r', 'edge', 'foot_l', 'foot_r'),
    polygons=((0, 1, 3, 4, 2),),
    lines=((2, 5), (3, 6)),
)
STAR = Shape(
    category_id=41,
    name='star',
    points=_star_points(),
    names=(*(f'tip_{k}' for k in range(1, 6)), *(f'corner_{k}' for k in range(1, 6)), 'middle'),
    polygons=((0, 5, 1, 6, 2, 7, 3, 8, 4, 9),),
)
SHAPES = (STAR, KITE, CHAIR)  # in an order of their own, as in other people's files


def write_objects(root: Path, train: int, val: int, seed: int = 0) -> None:
    """Draw both splits below a folder."""
    for split, count in (('train', train), ('val', val)):
        content = _split(root, split, count, np.random.default_rng([seed, len(split)]))
        (root / f'{split}.json').write_text(json.dumps(content))


def _split(root: Path, split: str, count: int, random: np.random.Generator) -> dict[str, Any]:
    categories = [
        {'id': s.category_id, 'name': s.name, 'supercategory': 'object', 'keypoints': list(s.names)}
        for s in SHAPES
    ]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(count):
        name = f'{ROOMS[number % len(ROOMS)]}/{split}_{number:05d}.jpg'
        picture, objects = _draw_image(number, random)
        path = root / 'images' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(path), picture):
            raise OSError(f'{path} cannot be written')
        height, width = picture.shape[:2]
        image_id = 1000 + 3 * number
        images.append({'id': image_id, 'file_name': name, 'width': width, 'height': height})
        for item in objects:
            annotations.append({'id': len(annotations) + 50, 'image_id': image_id, **item})
    info = {'description': f'invented objects, {split}', 'version': '1.0'}
    return {'info': info, 'images': images, 'annotations': annotations, 'categories': categories}


def _draw_image(
    number: int, random: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], list[dict[str, Any]]]:
    """One picture, BGR, and its annotations."""
    width, height = random.choice([(192, 160), (160, 192), (176, 176)])
    picture = _background(int(width), int(height), random)
    objects = []
    for place in random.permutation(2)[: random.integers(1, 3)]:
        shape = SHAPES[int(random.integers(len(SHAPES)))]
        objects.append(_draw_object(picture, shape, int(place), random))
    if number % BARE_EVERY == BARE_EVERY - 1:
        for key in ('keypoints', 'num_keypoints'):
            del objects[0][key]
    if number % CROWD_EVERY == CROWD_EVERY - 1:
        objects.append(_draw_crowd(picture, random))
    noise = random.normal(0, 6, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8), objects


def _background(width: int, height: int, random: np.random.Generator) -> npt.NDArray[np.uint8]:
    coarse = random.integers(60, 200, (4, 4, 3)).astype(np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(6):
        start, end = (random.integers(0, [width, height]).tolist() for _ in range(2))
        cv2.line(picture, start, end, random.integers(0, 255, 3).tolist(), 1)
    return np.asarray(picture, np.uint8)


def _draw_object(
    picture: npt.NDArray[np.uint8], shape: Shape, place: int, random: np.random.Generator
) -> dict[str, Any]:
    """Draw in the left or upper half (place 0) or the other; gives the annotation."""
    height, width = picture.shape[:2]
    side = random.uniform(0.36, 0.5) * min(height, width)
    along, across = (place + random.uniform(0.45, 0.55)) / 2, random.uniform(0.3, 0.7)
    share = (along, across) if width >= height else (across, along)
    angle = np.deg2rad(random.uniform(-15, 15))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    stretch = np.array([random.uniform(0.85, 1.15), 1.0])
    points = (shape.points - 0.5) * stretch * side @ turn + np.array(share) * (width, height)
    low = np.minimum(points.min(axis=0) - 3, 0)  # moved back inside the picture
    high = np.maximum(points.max(axis=0) + 3 - (width, height), 0)
    points = (points - low - high).round(2)
    color, edge = random.integers(0, 255, (2, 3)).tolist()
    for polygon in shape.polygons:
        corners = points[list(polygon)].round().astype(np.int32)
        cv2.fillPoly(picture, [corners], color, cv2.LINE_AA)
        cv2.polylines(picture, [corners], True, edge, 2, cv2.LINE_AA)
    for first, last in shape.lines:
        ends = (points[index].round().astype(int).tolist() for index in (first, last))
        cv2.line(picture, *ends, edge, 3, cv2.LINE_AA)
    return _annotation(shape, points, _visibility(picture, points, random))


def _visibility(
    picture: npt.NDArray[np.uint8], points: Points, random: np.random.Generator
) -> npt.NDArray[np.int64]:
    """(K,) 2; sometimes 1 for a landmark under a patch and 0 for one that nobody labelled."""
    visibility = np.full(len(points), 2)
    if random.random() < 0.25:
        hidden = int(random.integers(len(points)))
        center = points[hidden].round().astype(int).tolist()
        cv2.circle(picture, center, 6, random.integers(0, 255, 3).tolist(), -1)
        visibility[hidden] = 1
    if random.random() < 0.15:
        visibility[int(random.integers(len(points)))] = 0
    return visibility


def _annotation(shape: Shape, points: Points, visibility: npt.NDArray[np.int64]) -> dict[str, Any]:
    low, high = points.min(axis=0) - 1, points.max(axis=0) + 1
    labelled = np.where(visibility[:, None] > 0, points, 0)
    outline = np.concatenate([points[list(polygon)] for polygon in shape.polygons])
    return {
        'category_id': shape.category_id,
        'bbox': [*low.round(2).tolist(), *(high - low).round(2).tolist()],
        'area': round(float(np.prod(high - low)), 2),
        'iscrowd': 0,
        'segmentation': [outline.ravel().tolist()],
        'num_keypoints': int((visibility > 0).sum()),
        'keypoints': np.column_stack([labelled, visibility]).ravel().tolist(),
    }


def _draw_crowd(picture: npt.NDArray[np.uint8], random: np.random.Generator) -> dict[str, Any]:
    """Specks in a corner, called a crowd of stars."""
    height, width = picture.shape[:2]
    side = 24
    for _ in range(25):
        cv2.circle(picture, random.integers(2, side - 2, 2).tolist(), 1, (20, 220, 240), -1)
    mask = np.zeros((height, width), np.uint8)
    mask[:side, :side] = 1
    column = mask.ravel(order='F')
    edges = np.flatnonzero(np.diff(column)) + 1
    counts = np.diff([0, *edges, len(column)]).tolist()
    return {
        'category_id': STAR.category_id,
        'bbox': [0, 0, side, side],
        'area': side * side,
        'iscrowd': 1,
        # A run-length mask begins with the zeros: the first pixel is in the crowd.
        'segmentation': {'counts': [0, *counts], 'size': [height, width]},
        'num_keypoints': 0,
        'keypoints': [0] * (3 * len(STAR.points)),
    }


def main() -> None:
    """Draw what the command line asks for."""
    parser = argparse.ArgumentParser(description='Draw kites, chairs and stars as COCO keypoints.')
    parser.add_argument('root', type=Path, help='folder to fill')
    parser.add_argument('--train', type=int, default=320, help='images (default: %(default)s)')
    parser.add_argument('--val', type=int, default=60, help='images (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='of the drawing (default: %(default)s)')
    args = parser.parse_args()
    write_objects(args.root, args.train, args.val, args.seed)


if __name__ == '__main__':
    main()
