# SPDX-License-Identifier: Apache-2.0
"""Detected boxes of all categories, from a file in DeepFashion2's official result layout.

mmpose's own loader keeps category 1 alone; here every category of the schema counts.
"""

from __future__ import annotations

import os

import msgspec
import numpy as np
import numpy.typing as npt

from deepmark.datasets.garment_samples import NO_GARMENT, GivenBoxes
from deepmark.datasets.problems import Kind, Problems
from deepmark.datasets.records import IntArray, PackedRecords
from deepmark.json_file import decode_json, read_json_bytes
from deepmark.schema import LandmarkSchema

BoolArray = npt.NDArray[np.bool_]


class _Result(msgspec.Struct, gc=False):
    """An entry of the file; landmarks that it may hold are skipped."""

    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    score: float


def read_detected_boxes(
    path: str | os.PathLike[str],
    packed: PackedRecords,
    schema: LandmarkSchema,
    problems: Problems,
    score_threshold: float = 0.0,
    max_per_image: int | None = None,
) -> GivenBoxes:
    """Boxes of a result file, in its order.

    Entries of an unknown image or category are errors; boxes without a size, or that miss their
    image, are warnings. Both are left out and noted in ``problems`` with the number of the entry.

    Args:
        path: a JSON list (``.json``, ``.json.gz``) of ``image_id``, ``category_id``, ``bbox``
            (x y w h in pixels) and ``score``.
        packed: the images that the boxes belong to.
        schema: the categories.
        problems: takes what is wrong.
        score_threshold: boxes with a lower score are left out.
        max_per_image: only the best ones of each image are kept; of equal scores the first.

    Raises:
        JsonFileError: not such a list; names the entry and the key.
        OSError: the file cannot be opened.
    """
    results = decode_json(read_json_bytes(path), list[_Result], str(path))
    image_ids = np.array([r.image_id for r in results], np.int64)
    category_ids = np.array([r.category_id for r in results], np.int64)
    bboxes = np.array([r.bbox for r in results], np.float64).reshape(-1, 4)
    bboxes[:, 2:] += bboxes[:, :2]
    images, image_known = _positions(image_ids, packed.image_ids)
    labels, category_known = _positions(category_ids, np.array(schema.category_ids))
    has_size = (bboxes[:, 2:] > bboxes[:, :2]).all(axis=1)
    on_image = ~image_known | _on_image(bboxes, packed.image_wh[images])
    checks = [
        (Kind.UNKNOWN_IMAGE, 'image_id', image_known, image_ids),
        (Kind.UNKNOWN_CATEGORY, 'category_id', category_known, category_ids),
        (Kind.DEGENERATE_BOX, 'bbox', has_size, None),
        (Kind.BOX_OFF_IMAGE, 'bbox', on_image | ~has_size, None),
    ]
    keep = np.ones(len(results), np.bool_)
    for kind, key, good, values in checks:
        keep &= good
        for entry in np.flatnonzero(~good).tolist():
            detail = results[entry].bbox if values is None else values[entry]
            problems.add(kind, str(path), f'[{entry}].{key}', str(detail))
    scores = np.array([r.score for r in results], np.float32)
    keep &= scores >= np.float32(score_threshold)
    entries = np.flatnonzero(keep)
    if max_per_image is not None:
        entries = entries[best_of_each(images[entries], scores[entries], max_per_image)]
    return GivenBoxes(
        ids=entries,
        images=images[entries],
        labels=labels[entries],
        bboxes=bboxes[entries].astype(np.float32),
        scores=scores[entries],
        garments=np.full(len(entries), NO_GARMENT, np.int64),
    )


def best_of_each(groups: IntArray, scores: npt.NDArray[np.float32], count: int) -> IntArray:
    """Positions of the ``count`` best of each group, in ascending order.

    Example:
        >>> best_of_each(np.array([5, 5, 9, 5]), np.array([0.1, 0.8, 0.2, 0.8]), 2).tolist()
        [1, 2, 3]
    """
    order = np.lexsort((-scores, groups))
    ordered = groups[order]
    rank = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    return np.sort(order[rank < count])


def _positions(wanted: IntArray, known: IntArray) -> tuple[IntArray, BoolArray]:
    """Index of each wanted id among the known ones (0 where unknown), and whether it is there."""
    order = np.argsort(known, kind='stable')
    places = np.searchsorted(known[order], wanted).clip(max=len(known) - 1)
    positions = order[places]
    found: BoolArray = np.isin(wanted, known)
    return np.where(found, positions, 0), found


def _on_image(bboxes: npt.NDArray[np.float64], image_wh: npt.NDArray[np.int32]) -> BoolArray:
    meets = np.hstack([bboxes[:, 2:] > 0, bboxes[:, :2] < image_wh])
    return np.asarray(meets.all(axis=1), np.bool_)
