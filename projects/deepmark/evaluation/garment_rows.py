# SPDX-License-Identifier: Apache-2.0
"""Truth and detections as packed arrays: one row a garment, only its own category's landmarks.

Legend: N garments, P landmarks of these garments together. Garment ``n`` owns
``schema.num_keypoints[labels[n]]`` consecutive rows of ``keypoints``, in the order of the garments.
Coordinates are pixels of the original image; boxes are ``x y w h`` as in the official result files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from deepmark.evaluation.attribute_levels import ATTRIBUTE_LEVELS
from deepmark.evaluation.errors import EvaluationError
from deepmark.schema import LandmarkSchema

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True)
class TruthRows:
    """True garments.

    Attributes:
        image_ids: (N,) int64.
        labels: (N,) int64, 0 .. C - 1.
        boxes_xywh: (N, 4) float.
        crowd: (N,) bool, garments that are neither found nor missed (``iscrowd``).
        keypoints: (P, 3) float, x, y, v with v = 0 not labelled, 1 occluded, 2 visible.
        attributes: (N, 4) int64, the levels 1, 2, 3 of scale, occlusion, zoom-in and viewpoint as
            in :data:`~deepmark.evaluation.attribute_levels.ATTRIBUTE_LEVELS`, 0 where unknown;
            None when the truth states no attributes.
    """

    image_ids: IntArray
    labels: IntArray
    boxes_xywh: FloatArray
    crowd: BoolArray
    keypoints: FloatArray
    attributes: IntArray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def concatenate(cls, parts: Sequence[TruthRows]) -> TruthRows:
        """All rows one after the other; no parts give no rows.

        Attributes are unknown (0) in the rows of parts that state none.
        """
        return cls(
            image_ids=np.concatenate([np.zeros(0, np.int64), *(p.image_ids for p in parts)]),
            labels=np.concatenate([np.zeros(0, np.int64), *(p.labels for p in parts)]),
            boxes_xywh=np.concatenate(
                [np.zeros((0, 4), np.float32), *(p.boxes_xywh for p in parts)]
            ),
            crowd=np.concatenate([np.zeros(0, np.bool_), *(p.crowd for p in parts)]),
            keypoints=np.concatenate([np.zeros((0, 3), np.float32), *(p.keypoints for p in parts)]),
            attributes=_joined_attributes(parts),
        )


def _joined_attributes(parts: Sequence[TruthRows]) -> IntArray | None:
    if all(part.attributes is None for part in parts):
        return None
    unknown = ((len(part), len(ATTRIBUTE_LEVELS)) for part in parts)
    return np.concatenate(
        [
            np.zeros(shape, np.int64) if part.attributes is None else part.attributes
            for part, shape in zip(parts, unknown, strict=True)
        ]
    )


@dataclass(frozen=True)
class DetectionRows:
    """Detected garments; the order decides between equal scores.

    Attributes:
        image_ids: (N,) int64.
        labels: (N,) int64, 0 .. C - 1.
        boxes_xywh: (N, 4) float.
        scores: (N,) float.
        keypoints: (P, 2) float, x, y; None when the detector has no landmarks.
    """

    image_ids: IntArray
    labels: IntArray
    boxes_xywh: FloatArray
    scores: FloatArray
    keypoints: FloatArray | None

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def concatenate(cls, parts: Sequence[DetectionRows]) -> DetectionRows:
        """All rows one after the other.

        Raises:
            EvaluationError: some parts with garments have landmarks and others have none.
        """
        points = [p.keypoints for p in parts if p.keypoints is not None]
        if points and any(p.keypoints is None and len(p) for p in parts):
            raise EvaluationError(
                'detections with and without keypoints are mixed; all must have them'
            )
        has_keypoints = bool(points) or not parts
        return cls(
            image_ids=np.concatenate([np.zeros(0, np.int64), *(p.image_ids for p in parts)]),
            labels=np.concatenate([np.zeros(0, np.int64), *(p.labels for p in parts)]),
            boxes_xywh=np.concatenate(
                [np.zeros((0, 4), np.float32), *(p.boxes_xywh for p in parts)]
            ),
            scores=np.concatenate([np.zeros(0, np.float32), *(p.scores for p in parts)]),
            keypoints=np.concatenate([np.zeros((0, 2), np.float32), *points])
            if has_keypoints
            else None,
        )


def visible_only(truth: TruthRows) -> TruthRows:
    """The official 'visible' truth: occluded landmarks (v = 1) become unlabelled (0, 0, 0)."""
    occluded = truth.keypoints[:, 2] == 1
    return replace(truth, keypoints=np.where(occluded[:, None], 0, truth.keypoints))


def labelled_counts(truth: TruthRows, schema: LandmarkSchema) -> IntArray:
    """(N,) labelled landmarks (v > 0) of each garment."""
    labelled = np.concatenate([[0], np.cumsum(truth.keypoints[:, 2] > 0)])
    return np.diff(labelled[keypoint_offsets(truth.labels, schema)])


def keypoint_offsets(labels: IntArray, schema: LandmarkSchema) -> IntArray:
    """(N + 1,): garment n owns the landmark rows ``offsets[n] .. offsets[n + 1] - 1``."""
    counts = schema.num_keypoints[labels]
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def own_landmarks(padded: FloatArray, labels: IntArray, schema: LandmarkSchema) -> FloatArray:
    """Pack class-local arrays: (N, K_max, D) with padding behind -> (P, D) without."""
    return padded[schema.keypoint_valid[labels]]


def check_rows(rows: TruthRows | DetectionRows, schema: LandmarkSchema, title: str) -> None:
    """Check lengths, labels and that every number is finite.

    Raises:
        EvaluationError: naming ``title``, the field, and the image for bad numbers.
    """
    count = len(rows)
    if count and not 0 <= rows.labels.min() <= rows.labels.max() < schema.num_categories:
        raise EvaluationError(
            f'{title}: label {rows.labels.min()} or {rows.labels.max()} is not one of '
            f'0 .. {schema.num_categories - 1} of {schema}; '
            'was the model made for other categories?'
        )
    named = {'image_ids': (count,), 'boxes_xywh': (count, 4)}
    points = int(schema.num_keypoints[rows.labels].sum())
    if isinstance(rows, DetectionRows):
        named['scores'] = (count,)
    if rows.keypoints is not None:
        named['keypoints'] = (points, 2 if isinstance(rows, DetectionRows) else 3)
    if isinstance(rows, TruthRows) and rows.attributes is not None:
        named['attributes'] = (count, len(ATTRIBUTE_LEVELS))
    for name, shape in named.items():
        values = getattr(rows, name)
        if values.shape != shape:
            raise EvaluationError(f'{title}: {name} has the shape {values.shape}, expected {shape}')
        if not np.isfinite(values).all():
            image_ids = _images_with_bad_numbers(rows, values, schema)
            raise EvaluationError(f'{title}: {name} holds NaN or infinity (image id {image_ids})')


def _images_with_bad_numbers(
    rows: TruthRows | DetectionRows, values: FloatArray, schema: LandmarkSchema
) -> str:
    bad = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    owners = np.arange(len(rows))
    if values is rows.keypoints:
        owners = np.repeat(owners, schema.num_keypoints[rows.labels])
    ids = np.unique(rows.image_ids[owners[bad]])
    return ', '.join(map(str, ids[:5])) + (' ...' if len(ids) > 5 else '')
