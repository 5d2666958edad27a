# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2's three evaluations through pycocotools: boxes, landmarks, visible landmarks.

pycocotools does the matching and the accumulation. What is ours: the rows are handed over as arrays
instead of dense JSON, and OKS comes from :mod:`deepmark.evaluation.oks` with the schema's sigmas.

Official rules: at most 100 boxes, 20 garments with landmarks (an image and category); thresholds
.50:.05:.95; truth area = box width x height; stable order at equal scores; detections in images
without truth are false positives; ``iscrowd`` garments and garments without landmarks are ignored.
"""

from __future__ import annotations

import contextlib
import io
from collections import defaultdict
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from pycocotools.cocoeval import COCOeval

from deepmark.evaluation.garment_rows import (
    DetectionRows,
    FloatArray,
    IntArray,
    TruthRows,
    check_rows,
    keypoint_offsets,
)
from deepmark.evaluation.oks import object_keypoint_similarity, similarity_to_unlabelled
from deepmark.schema import LandmarkSchema, get_schema

Figures = dict[str, Any]
SlotMode = Literal['official', 'own_slots']

BOXES = 'bbox'
VISIBLE = 'keypoints_visible'
VISIBLE_AND_OCCLUDED = 'keypoints_visible_and_occluded'

# figure -> (array of COCOeval.eval, threshold or None for all, area range, position in maxDets)
_BOX_FIGURES: dict[str, tuple[str, float | None, str, int]] = {
    'AP': ('precision', None, 'all', 2),
    'AP50': ('precision', 0.5, 'all', 2),
    'AP75': ('precision', 0.75, 'all', 2),
    'AP_small': ('precision', None, 'small', 2),
    'AP_medium': ('precision', None, 'medium', 2),
    'AP_large': ('precision', None, 'large', 2),
    'AR_1': ('recall', None, 'all', 0),
    'AR_10': ('recall', None, 'all', 1),
    'AR_100': ('recall', None, 'all', 2),
    'AR_small': ('recall', None, 'small', 2),
    'AR_medium': ('recall', None, 'medium', 2),
    'AR_large': ('recall', None, 'large', 2),
}
_KEYPOINT_FIGURES: dict[str, tuple[str, float | None, str, int]] = {
    'AP': ('precision', None, 'all', 0),
    'AP50': ('precision', 0.5, 'all', 0),
    'AP75': ('precision', 0.75, 'all', 0),
    'AP_medium': ('precision', None, 'medium', 0),
    'AP_large': ('precision', None, 'large', 0),
    'AR': ('recall', None, 'all', 0),
    'AR50': ('recall', 0.5, 'all', 0),
    'AR75': ('recall', 0.75, 'all', 0),
    'AR_medium': ('recall', None, 'medium', 0),
    'AR_large': ('recall', None, 'large', 0),
}


def evaluate(
    truth: TruthRows,
    detections: DetectionRows,
    image_ids: IntArray,
    schema: LandmarkSchema | str | None = None,
    slots: SlotMode = 'official',
) -> dict[str, Figures]:
    """Score detections against truth.

    Args:
        truth: true garments.
        detections: detected garments; without ``keypoints`` only the boxes are evaluated.
        image_ids: (I,) all images that count, also those without truth.
        schema: categories, landmark counts and sigmas.
        slots: which landmarks of a detection are looked at where no labelled landmark says so.
            'official': all slots, the other categories' lying at (0, 0), as in the dense files of
            the official evaluator. A detection on a garment without landmarks then mostly becomes
            a false positive, and AP_medium and AP_large of the landmarks take a detection's area
            from the extent of its landmarks and (0, 0).
            'own_slots': the category's own landmarks; a detection's area is that of its box.

    Returns:
        Evaluation name -> figure name -> value; the names are those of the official figures
        (``bbox``, ``keypoints_visible``, ``keypoints_visible_and_occluded``; ``AP``, ``AP50``, ...)
        and ``AP_per_category``, a list in label order. -1 where there is no truth to find.

    Raises:
        ValueError: rows of unequal length, unknown label or image, NaN; an unknown mode.
    """
    schema = get_schema(schema)
    if slots not in ('official', 'own_slots'):
        raise ValueError(f"slots is {slots!r}, must be 'official' or 'own_slots'")
    for title, rows in (('truth', truth), ('detections', detections)):
        check_rows(rows, schema, title)
        unknown = np.setdiff1d(rows.image_ids, image_ids)
        if len(unknown):
            raise ValueError(f'{title}: image id {unknown[0]} is not among the evaluated images')
    results = {BOXES: _figures(_RowEvaluator(truth, detections, image_ids, schema, 'bbox'))}
    if detections.keypoints is not None:
        for name, rows in ((VISIBLE, visible_only(truth)), (VISIBLE_AND_OCCLUDED, truth)):
            evaluator = _RowEvaluator(rows, detections, image_ids, schema, 'keypoints', slots)
            results[name] = _figures(evaluator)
    return results


def visible_only(truth: TruthRows) -> TruthRows:
    """The official 'visible' truth: occluded landmarks (v = 1) become unlabelled (0, 0, 0)."""
    occluded = truth.keypoints[:, 2] == 1
    return replace(truth, keypoints=np.where(occluded[:, None], 0, truth.keypoints))


class _RowEvaluator(COCOeval):
    """COCOeval fed from packed rows; labels serve as its category ids."""

    def __init__(
        self,
        truth: TruthRows,
        detections: DetectionRows,
        image_ids: IntArray,
        schema: LandmarkSchema,
        iou_type: Literal['bbox', 'keypoints'],
        slots: SlotMode = 'official',
    ) -> None:
        super().__init__(iouType=iou_type)
        self.params.imgIds = np.unique(image_ids).tolist()
        self.params.catIds = list(range(schema.num_categories))
        self._schema = schema
        self._slots = slots
        self._truth_rows = truth
        self._detection_rows = detections
        self._truth_offsets = keypoint_offsets(truth.labels, schema)
        self._detection_offsets = keypoint_offsets(detections.labels, schema)

    def _prepare(self) -> None:
        truth, detections = self._truth_rows, self._detection_rows
        ignored = truth.crowd.copy()
        if self.params.iouType == 'keypoints':
            labelled = np.concatenate([[0], np.cumsum(truth.keypoints[:, 2] > 0)])
            ignored |= np.diff(labelled[self._truth_offsets]) == 0
        self._gts = _by_image_and_label(
            truth, {'iscrowd': truth.crowd.astype(int), 'ignore': ignored.astype(int)}
        )
        self._dts = _by_image_and_label(detections, {'score': detections.scores})
        if self.params.iouType == 'keypoints' and self._slots == 'official':
            self._take_area_from_dense_landmarks()
        self.evalImgs: Any = []
        self.eval: dict[str, Any] = {}

    def _take_area_from_dense_landmarks(self) -> None:
        for (_, label), detected in self._dts.items():
            dense = self._dense(self._keypoints_of([d['row'] for d in detected], label), label)
            width_height = dense.max(axis=1) - dense.min(axis=1)
            for record, area in zip(detected, width_height.prod(axis=1).tolist(), strict=True):
                record['area'] = area

    def computeOks(self, imgId: int, catId: int) -> Any:  # noqa: N802, N803 (pycocotools' names)
        """(detections in score order, truths) OKS of one image and category."""
        truths, detected = self._gts[imgId, catId], self._dts[imgId, catId]
        if not truths or not detected:
            return []
        order = np.argsort([-d['score'] for d in detected], kind='mergesort')
        order = order[: self.params.maxDets[-1]]
        keypoints = self._keypoints_of([detected[i]['row'] for i in order], catId)
        columns = [self._similarity(keypoints, truth, catId) for truth in truths]
        return np.stack(columns, axis=1)

    def _keypoints_of(self, rows: list[int], label: int) -> FloatArray:
        assert self._detection_rows.keypoints is not None
        steps = np.arange(self._schema.num_keypoints[label])
        index = self._detection_offsets[rows][:, None] + steps
        return self._detection_rows.keypoints[index].astype(np.float64)

    def _similarity(self, keypoints: FloatArray, truth: dict[str, Any], label: int) -> FloatArray:
        row = truth['row']
        first, last = self._truth_offsets[row : row + 2]
        truth_keypoints = self._truth_rows.keypoints[first:last].astype(np.float64)
        sigmas = self._schema.sigmas[label, : last - first]
        if (truth_keypoints[:, 2] > 0).any():
            return object_keypoint_similarity(keypoints, truth_keypoints, truth['area'], sigmas)
        box = np.asarray(truth['bbox'])
        if self._slots == 'own_slots':
            return similarity_to_unlabelled(keypoints, box, sigmas)
        dense = self._dense(keypoints, label)
        return similarity_to_unlabelled(dense, box, self._schema.slot_sigmas)

    def _dense(self, keypoints: FloatArray, label: int) -> FloatArray:
        dense = np.zeros((len(keypoints), self._schema.num_slots, 2))
        start = self._schema.slot_offsets[label]
        dense[:, start : start + keypoints.shape[1]] = keypoints
        return dense


def _by_image_and_label(
    rows: TruthRows | DetectionRows, extra: dict[str, Any]
) -> defaultdict[tuple[int, int], list[dict[str, Any]]]:
    """The records that COCOeval works on; ids count from 1 because it reads 0 as 'no match'."""
    boxes = rows.boxes_xywh.astype(np.float64)
    columns = {
        'image_id': rows.image_ids.tolist(),
        'category_id': rows.labels.tolist(),
        'bbox': boxes.tolist(),
        'area': (boxes[:, 2] * boxes[:, 3]).tolist(),
        **{name: values.tolist() for name, values in extra.items()},
    }
    groups: defaultdict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    for row, values in enumerate(zip(*columns.values(), strict=True)):
        record = dict(zip(columns, values, strict=True))
        record.update(id=row + 1, row=row)
        groups[record['image_id'], record['category_id']].append(record)
    return groups


def _figures(evaluator: _RowEvaluator) -> Figures:
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator.evaluate()
        evaluator.accumulate()
    table = _BOX_FIGURES if evaluator.params.iouType == 'bbox' else _KEYPOINT_FIGURES
    figures: Figures = {name: _figure(evaluator, *entry) for name, entry in table.items()}
    precision = evaluator.eval['precision'][:, :, :, 0, -1]
    figures['AP_per_category'] = [
        _mean_of_present(precision[:, :, label]) for label in range(precision.shape[2])
    ]
    return figures


def _figure(
    evaluator: _RowEvaluator, source: str, threshold: float | None, area: str, max_dets: int
) -> float:
    values = evaluator.eval[source]
    if threshold is not None:
        values = values[np.isclose(evaluator.params.iouThrs, threshold)]
    return _mean_of_present(values[..., evaluator.params.areaRngLbl.index(area), max_dets])


def _mean_of_present(values: FloatArray) -> float:
    present = values[values > -1]
    return float(np.mean(present)) if present.size else -1.0
