# SPDX-License-Identifier: Apache-2.0
"""What a result file may not hold, beside entries that are wrong by themselves."""

from __future__ import annotations

import os

import numpy as np

from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.garment_rows import BoolArray, DetectionRows, IntArray, keypoint_offsets
from deepmark.schema import LandmarkSchema


def refuse_repetition(ids: IntArray, title: str, key: str, fix: str) -> None:
    """Check that no number occurs twice.

    Raises:
        EvaluationError: naming the list, the key, the number, and how many occur twice.
    """
    values, counts = np.unique(ids, return_counts=True)
    repeated = values[counts > 1]
    if len(repeated):
        raise EvaluationError(
            f'{title}: {key} {repeated[0]} occurs {counts.max()} times '
            f'({len(repeated)} such {key}s). Fix: {fix}'
        )


def refuse_repetitions(
    rows: DetectionRows, schema: LandmarkSchema, path: str | os.PathLike[str]
) -> None:
    """Check that no result occurs twice: equal image, category, box, score and landmarks.

    Equal scores alone are fine.

    Raises:
        EvaluationError: naming both entries.
    """
    offsets = keypoint_offsets(rows.labels, schema)
    first: dict[bytes, int] = {}
    for row in np.flatnonzero(_have_a_twin(rows)).tolist():
        parts = [rows.image_ids[row], rows.labels[row], rows.boxes_xywh[row], rows.scores[row]]
        if rows.keypoints is not None:
            parts.append(rows.keypoints[offsets[row] : offsets[row + 1]])
        twin = first.setdefault(b''.join(part.tobytes() for part in parts), row)
        if twin != row:
            raise EvaluationError(
                f'{path}: [{twin}] and [{row}] are the same result (image_id '
                f'{rows.image_ids[row]}, score {rows.scores[row]:g}). Fix: leave one of them out; '
                'were parts joined twice?'
            )


def _have_a_twin(rows: DetectionRows) -> BoolArray:
    """(N,) whether another row has the same image, category, box and score."""
    columns = [rows.image_ids, rows.labels, rows.scores, *rows.boxes_xywh.T]
    order = np.lexsort(columns)
    equal = np.ones(max(len(order) - 1, 0), np.bool_)
    for column in columns:
        arranged = column[order]
        equal &= arranged[1:] == arranged[:-1]
    twins = np.zeros(len(order), np.bool_)
    twins[order[1:]] |= equal
    twins[order[:-1]] |= equal
    return twins


def refuse_unknown_images(
    rows: DetectionRows,
    image_ids: IntArray,
    path: str | os.PathLike[str],
    truth: str | os.PathLike[str],
) -> None:
    """Check that every result belongs to an image of the truth.

    Raises:
        EvaluationError: naming the first entry and the number of such images.
    """
    unknown = np.flatnonzero(~np.isin(rows.image_ids, image_ids))
    if len(unknown):
        images = len(np.unique(rows.image_ids[unknown]))
        raise EvaluationError(
            f'{path}: [{unknown[0]}]: image_id {rows.image_ids[unknown[0]]} is not among the '
            f'{len(image_ids)} images of {truth}; so are {len(unknown)} results of {images} '
            'images. Fix: give the truth of the same split; image_id is its id of the image, in '
            "DeepFashion2 the number in the photo's name"
        )
