# SPDX-License-Identifier: Apache-2.0
"""pycocotools as an engine: the reference, and what is there without hotcoco.

pycocotools does the matching and the accumulation. What is ours: the rows are handed over as arrays
instead of dense JSON, and OKS comes from :mod:`deepmark.evaluation.oks` with the schema's sigmas.
"""

from __future__ import annotations

import contextlib
import io
from collections import defaultdict
from importlib.metadata import version
from typing import Any

import numpy as np
from pycocotools.cocoeval import COCOeval

from deepmark.evaluation.engines.engine import (
    IOU_THRESHOLDS,
    RECALL_STEPS,
    VISIBLE,
    Curves,
    EvaluationInput,
    Rules,
    rules_of,
)
from deepmark.evaluation.garment_rows import (
    BoolArray,
    DetectionRows,
    FloatArray,
    TruthRows,
    keypoint_offsets,
    labelled_counts,
    visible_only,
)
from deepmark.evaluation.oks import object_keypoint_similarity, similarity_to_unlabelled


class PycocotoolsEngine:
    """Engine that keeps the similarities of each evaluation, which its slices share."""

    def __init__(self, rows: EvaluationInput) -> None:
        self.name = f'pycocotools {version("pycocotools")}'
        self._rows = rows
        self._evaluators: dict[str, _RowEvaluator] = {}

    def curves(self, evaluation: str, ignored: BoolArray | None = None) -> Curves:
        """See :class:`~deepmark.evaluation.engines.engine.Engine`."""
        if evaluation not in self._evaluators:
            truth = self._rows.truth
            rows = visible_only(truth) if evaluation == VISIBLE else truth
            self._evaluators[evaluation] = _RowEvaluator(
                self._rows._replace(truth=rows), rules_of(evaluation)
            )
        return self._evaluators[evaluation].curves(ignored)


class _RowEvaluator(COCOeval):
    """COCOeval fed from packed rows; labels serve as its category ids."""

    def __init__(self, rows: EvaluationInput, rules: Rules) -> None:
        super().__init__(iouType=rules.iou_type)
        self.params.imgIds = np.unique(rows.image_ids).tolist()
        self.params.catIds = list(range(rows.schema.num_categories))
        self.params.iouThrs, self.params.recThrs = IOU_THRESHOLDS, RECALL_STEPS
        self._rules = rules
        self._schema = rows.schema
        self._slots = rows.slots
        self._truth_rows = rows.truth
        self._detection_rows = rows.detections
        self._truth_offsets = keypoint_offsets(rows.truth.labels, rows.schema)
        self._detection_offsets = keypoint_offsets(rows.detections.labels, rows.schema)
        self._ignored: BoolArray = np.zeros(len(rows.truth), np.bool_)
        self._known_similarities: dict[tuple[int, int], Any] = {}

    def curves(self, ignored: BoolArray | None) -> Curves:
        """Evaluate all of the truth, or a slice of it."""
        rules = self._rules if ignored is None else self._rules.of_slices()
        self._ignored = np.zeros(len(self._truth_rows), np.bool_) if ignored is None else ignored
        self.params.maxDets = list(rules.max_dets)
        self.params.areaRng = [list(area) for area in rules.areas.values()]
        self.params.areaRngLbl = list(rules.areas)
        with contextlib.redirect_stdout(io.StringIO()):
            self.evaluate()
            self.accumulate()
        return Curves(self.eval['precision'], self.eval['recall'])

    def _prepare(self) -> None:
        truth, detections = self._truth_rows, self._detection_rows
        ignored = truth.crowd | self._ignored
        if self.params.iouType == 'keypoints':
            ignored |= labelled_counts(truth, self._schema) == 0
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

    def computeIoU(self, imgId: int, catId: int) -> Any:  # noqa: N802, N803 (pycocotools' names)
        """(detections in score order, truths) IoU of one image and category."""
        key = imgId, catId
        if key not in self._known_similarities:
            self._known_similarities[key] = super().computeIoU(imgId, catId)
        return self._known_similarities[key]

    def computeOks(self, imgId: int, catId: int) -> Any:  # noqa: N802, N803 (pycocotools' names)
        """(detections in score order, truths) OKS of one image and category."""
        key = imgId, catId
        if key not in self._known_similarities:
            self._known_similarities[key] = self._oks(imgId, catId)
        return self._known_similarities[key]

    def _oks(self, image_id: int, label: int) -> Any:
        truths, detected = self._gts[image_id, label], self._dts[image_id, label]
        if not truths or not detected:
            return []
        order = np.argsort([-d['score'] for d in detected], kind='mergesort')
        order = order[: self.params.maxDets[-1]]
        keypoints = self._keypoints_of([detected[i]['row'] for i in order], label)
        columns = [self._similarity(keypoints, truth, label) for truth in truths]
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
