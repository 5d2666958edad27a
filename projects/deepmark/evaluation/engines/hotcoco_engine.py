# SPDX-License-Identifier: Apache-2.0
"""hotcoco as an engine: COCO's matching and accumulation in Rust, fed with columns.

hotcoco takes all boxes as columns. Only landmarks need a dict each, and a detection is given its
own only where a truth of its category lies in the same image: nothing else reads them. Truth and
detections of all categories are handed over once; the landmarks of each category are evaluated by
themselves, with its sigmas, so that no list is longer than the category's.

Two things that hotcoco has no word for are said with what it has:

* truth that a slice ignores: a box's area beyond every range (IoU does not read it);
  ``num_keypoints`` 0 for landmarks (ignored, but still matched by its OKS);
* truth without landmarks in the 'official' mode, which is compared over all slots:
  :mod:`deepmark.evaluation.engines.virtual_landmarks`.

Limit: hotcoco is young (2026) and kept by one person; the tests hold it to pycocotools' figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hotcoco
import numpy as np

from deepmark.evaluation.engines.engine import (
    BOXES,
    IOU_THRESHOLDS,
    RECALL_STEPS,
    VISIBLE,
    Curves,
    EvaluationInput,
    Float64Array,
    Rules,
    rules_of,
)
from deepmark.evaluation.engines.virtual_landmarks import (
    VIRTUAL_AREA,
    VIRTUAL_SIGMA,
    dense_areas,
    image_label_keys,
    virtual_landmarks,
)
from deepmark.evaluation.garment_rows import (
    BoolArray,
    FloatArray,
    IntArray,
    TruthRows,
    keypoint_offsets,
    labelled_counts,
    visible_only,
)

_AREA_OF_IGNORED = 1e15  # beyond every area range


class HotcocoEngine:
    """Engine that hands the rows over once, when they are first needed, and keeps them there."""

    def __init__(self, rows: EvaluationInput) -> None:
        self.name = f'hotcoco {hotcoco.__version__}'
        self._rows = rows
        self._images = np.unique(rows.image_ids)
        self._box_detections: Any = None
        self._landmarks: _Landmarks | None = None

    def curves(self, evaluation: str, ignored: BoolArray | None = None) -> Curves:
        """See :class:`~deepmark.evaluation.engines.engine.Engine`."""
        rules = rules_of(evaluation) if ignored is None else rules_of(evaluation).of_slices()
        if ignored is None:
            ignored = np.zeros(len(self._rows.truth), np.bool_)
        if evaluation == BOXES:
            return self._box_curves(rules, ignored)
        if self._landmarks is None:
            self._landmarks = _Landmarks(self._rows, self._images)
        return self._landmarks.curves(evaluation, rules, ignored)

    def _box_curves(self, rules: Rules, ignored: BoolArray) -> Curves:
        area = np.where(ignored, _AREA_OF_IGNORED, _box_areas(self._rows.truth))
        truth = _truth_boxes(self._rows, self._images, area)
        if self._box_detections is None:
            self._box_detections = _detected_boxes(self._rows, self._images, truth)
        return _evaluate(truth, self._box_detections, rules)


class _Landmarks:
    """Truth and detections with landmarks, inside hotcoco."""

    def __init__(self, rows: EvaluationInput, images: IntArray) -> None:
        self._rows = rows
        self._images = images
        self._virtual = virtual_landmarks(rows)
        self._truths: dict[str, Any] = {}
        self._counts: dict[str, IntArray] = {}
        self._detections: Any = None

    def curves(self, evaluation: str, rules: Rules, ignored: BoolArray) -> Curves:
        if evaluation not in self._truths:
            self._add_truth(evaluation)
        truth, counts = self._truths[evaluation], self._counts[evaluation]
        if self._detections is None:
            self._detections = self._detected(truth)
        found_or_missed = np.where(ignored, 0, counts).tolist()
        truth.update_anns(
            [{'id': n, 'num_keypoints': count} for n, count in enumerate(found_or_missed, 1)]
        )
        labels = np.unique(self._rows.truth.labels)
        return _of_all_labels(
            {label: self._label_curves(truth, label, rules) for label in labels.tolist()},
            self._rows.schema.num_categories,
            rules,
        )

    def _label_curves(self, truth: Any, label: int, rules: Rules) -> Curves:
        schema = self._rows.schema
        own = schema.sigmas[label, : schema.num_keypoints[label]].tolist()
        sigmas = own + [VIRTUAL_SIGMA] * int(self._virtual.counts[label])
        return _evaluate(truth, self._detections, rules, label, sigmas)

    def _add_truth(self, evaluation: str) -> None:
        rows = self._rows.truth
        rows = visible_only(rows) if evaluation == VISIBLE else rows
        counts = labelled_counts(rows, self._rows.schema)
        # Ignored in every area range, so the area of these is free to serve the virtual landmark.
        is_virtual = (counts == 0) & (self._virtual.truth_numbers >= 0)
        area = np.where(is_virtual, VIRTUAL_AREA, _box_areas(rows))
        truth = _truth_boxes(self._rows, self._images, area)
        for label in np.unique(rows.labels).tolist():
            garments = np.flatnonzero(rows.labels == label)
            keypoints = self._with_virtual(rows.keypoints, rows.labels, garments, label)
            number = self._virtual.truth_numbers[garments]
            at_virtual = np.flatnonzero((counts[garments] == 0) & (number >= 0))
            own = int(self._rows.schema.num_keypoints[label])
            keypoints[at_virtual, own + number[at_virtual], 2] = 2
            _add_keypoints(truth, garments, keypoints)
        self._truths[evaluation], self._counts[evaluation] = truth, counts

    def _detected(self, truth: Any) -> Any:
        rows, schema, virtual = self._rows.detections, self._rows.schema, self._virtual
        assert rows.keypoints is not None
        detected = _detected_boxes(self._rows, self._images, truth)
        if self._rows.slots == 'official' and len(rows):
            area = dense_areas(rows.keypoints, rows.labels, schema)
            detected.update_anns(ids=np.arange(1, len(rows) + 1), area=area)
        is_compared = _beside_truth(self._rows)
        column = np.zeros(len(rows), np.int64)
        for label in np.unique(rows.labels[is_compared]).tolist():
            garments = np.flatnonzero(is_compared & (rows.labels == label))
            keypoints = self._with_virtual(rows.keypoints, rows.labels, garments, label)
            column[garments] = np.arange(len(garments))
            pairs = np.flatnonzero(rows.labels[virtual.detections] == label)
            place = schema.num_keypoints[label] + virtual.detection_numbers[pairs]
            keypoints[column[virtual.detections[pairs]], place, 0] = virtual.distances[pairs]
            _add_keypoints(detected, garments, keypoints)
        return detected

    def _with_virtual(
        self, keypoints: FloatArray, labels: IntArray, garments: IntArray, label: int
    ) -> Float64Array:
        """(n, K_c + V_c, 3) landmarks of garments of one label; v = 0 where there is none."""
        own = int(self._rows.schema.num_keypoints[label])
        table = np.zeros((len(garments), own + int(self._virtual.counts[label]), 3))
        first = keypoint_offsets(labels, self._rows.schema)[garments]
        table[:, :own, : keypoints.shape[1]] = keypoints[first[:, None] + np.arange(own)]
        return table


def _truth_boxes(rows: EvaluationInput, images: IntArray, area: Float64Array) -> Any:
    truth = rows.truth
    categories = [{'id': label + 1, 'name': n} for label, n in enumerate(rows.schema.class_names)]
    return hotcoco.COCO.from_arrays(
        [{'id': number} for number in range(1, len(images) + 1)],
        categories,
        np.searchsorted(images, truth.image_ids) + 1,
        truth.labels + 1,
        truth.boxes_xywh.astype(np.float64),
        area=area,
        iscrowd=truth.crowd,
    )


def _detected_boxes(rows: EvaluationInput, images: IntArray, truth: Any) -> Any:
    found = rows.detections
    numbers = np.searchsorted(images, found.image_ids) + 1
    columns = [numbers, found.boxes_xywh, found.scores, found.labels + 1]
    return truth.load_res(np.column_stack([column.astype(np.float64) for column in columns]))


def _add_keypoints(coco: Any, garments: IntArray, keypoints: Float64Array) -> None:
    lists = keypoints.reshape(len(garments), -1)
    coco.update_anns(
        [
            {'id': number, 'keypoints': values}
            for number, values in zip((garments + 1).tolist(), lists, strict=True)
        ]
    )


def _evaluate(
    truth: Any, detected: Any, rules: Rules, label: int | None = None, sigmas: Sequence[float] = ()
) -> Curves:
    evaluator = hotcoco.COCOeval(truth, detected, rules.iou_type)
    params = evaluator.params
    params.iou_thrs, params.rec_thrs = IOU_THRESHOLDS.tolist(), RECALL_STEPS.tolist()
    params.max_dets = list(rules.max_dets)
    params.area_rng = [list(area) for area in rules.areas.values()]
    params.area_rng_lbl = list(rules.areas)
    if label is not None:
        params.cat_ids, params.kpt_oks_sigmas = [label + 1], list(sigmas)
    evaluator.evaluate()
    evaluator.accumulate()
    curves: Any = evaluator.eval
    return Curves(curves['precision'], curves['recall'])


def _of_all_labels(curves: dict[int, Curves], num_categories: int, rules: Rules) -> Curves:
    """Put the curves of single labels in their places; -1 for the labels without truth."""
    axes = (num_categories, len(rules.areas), len(rules.max_dets))
    precision = np.full((len(IOU_THRESHOLDS), len(RECALL_STEPS), *axes), -1.0)
    recall = np.full((len(IOU_THRESHOLDS), *axes), -1.0)
    for label, own in curves.items():
        precision[:, :, label] = own.precision[:, :, 0]
        recall[:, label] = own.recall[:, 0]
    return Curves(precision, recall)


def _beside_truth(rows: EvaluationInput) -> BoolArray:
    """(D,) detections with a truth of their category in their image."""
    truth_keys, detection_keys = image_label_keys(rows)
    return np.isin(detection_keys, truth_keys)


def _box_areas(truth: TruthRows) -> Float64Array:
    boxes = truth.boxes_xywh.astype(np.float64)
    areas: Float64Array = boxes[:, 2] * boxes[:, 3]
    return areas
