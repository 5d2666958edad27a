# SPDX-License-Identifier: Apache-2.0
"""Whether a result file has the official layout, as the challenge's server expects it."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.json_layout import read_results
from deepmark.evaluation.result_checks import refuse_unknown_images
from deepmark.schema import LandmarkSchema, get_schema


class SubmissionSummary(NamedTuple):
    """What a valid file holds.

    Attributes:
        results: number of its entries.
        images: images with at least one.
        most_per_image: largest number of entries of one image.
        per_category: category name -> entries.
    """

    results: int
    images: int
    most_per_image: int
    per_category: dict[str, int]


def check_submission(
    path: str | os.PathLike[str],
    image_ids: npt.ArrayLike | None = None,
    schema: LandmarkSchema | str | None = None,
    max_per_image: int | None = None,
    images_title: str = 'the test set',
) -> SubmissionSummary:
    """Read a file as strictly as its layout is written.

    Every entry has image_id, category_id, bbox (x y w h), score and keypoints (x, y, v of all
    slots); no entry occurs twice.

    Args:
        path: .json or .json.gz.
        image_ids: images that may occur; None for any.
        schema: categories and landmarks.
        max_per_image: entries that an image may have; None for any number.
        images_title: what ``image_ids`` are those of, for messages.

    Raises:
        EvaluationError: naming the file, the entry, the key and the fix.
        OSError: the file cannot be opened.
    """
    schema = get_schema(schema)
    rows, has_boxes = read_results(path, schema, dense=True)
    for key, present in (('bbox', has_boxes), ('keypoints', rows.keypoints is not None)):
        if not present:
            raise EvaluationError(f'{path}: the results have no {key}. Fix: write {key} in each')
    if image_ids is not None:
        refuse_unknown_images(rows, np.asarray(image_ids, np.int64), path, images_title)
    images, counts = np.unique(rows.image_ids, return_counts=True)
    most = int(counts.max(initial=0))
    if max_per_image is not None and most > max_per_image:
        raise EvaluationError(
            f'{path}: {most} results for image_id {images[counts.argmax()]}, at most '
            f'{max_per_image} are allowed. Fix: keep the best of each image'
        )
    per_category = np.bincount(rows.labels, minlength=schema.num_categories).tolist()
    return SubmissionSummary(
        len(rows), len(images), most, dict(zip(schema.class_names, per_category, strict=True))
    )
