# SPDX-License-Identifier: Apache-2.0
"""The evaluation as people do it: dense dicts through pycocotools with the official sigmas.

This is what the benchmark and the tests compare with; nothing of ours but the figures' names.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any, NamedTuple

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from deepmark.evaluation.engines import BOXES, VISIBLE, VISIBLE_AND_OCCLUDED, Curves
from deepmark.evaluation.garment_rows import (
    DetectionRows,
    IntArray,
    TruthRows,
    keypoint_offsets,
    visible_only,
)
from deepmark.schema import LandmarkSchema

Record = dict[str, Any]


class DenseFiles(NamedTuple):
    """What the official JSON files hold, in memory: two truths, results of boxes and landmarks."""

    truth: dict[str, Any]
    visible_truth: dict[str, Any]
    box_results: list[Record]
    landmark_results: list[Record]


def dense_files(
    truth: TruthRows, detections: DetectionRows, image_ids: IntArray, schema: LandmarkSchema
) -> DenseFiles:
    """Write rows out as the official layout has them: all slots (294 x, y, v), area = w x h."""
    results = _dense_records(detections, schema)
    scores = detections.scores.tolist()
    return DenseFiles(
        _truth_file(truth, image_ids, schema),
        _truth_file(visible_only(truth), image_ids, schema),
        [_without(r, 'keypoints', score) for r, score in zip(results, scores, strict=True)],
        [_without(r, 'bbox', score) for r, score in zip(results, scores, strict=True)],
    )


def evaluate_dense_files(files: DenseFiles, schema: LandmarkSchema) -> dict[str, Curves]:
    """Evaluation -> curves, by pycocotools from dicts in memory."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth, visible_truth = _coco(files.truth), _coco(files.visible_truth)
        return {
            BOXES: _evaluate(truth, files.box_results, 'bbox', schema),
            VISIBLE: _evaluate(visible_truth, files.landmark_results, 'keypoints', schema),
            VISIBLE_AND_OCCLUDED: _evaluate(truth, files.landmark_results, 'keypoints', schema),
        }


def _evaluate(truth: COCO, results: list[Record], iou_type: str, schema: LandmarkSchema) -> Curves:
    # loadRes adds a bbox to what has only landmarks, and would read it the next time
    evaluator = COCOeval(truth, truth.loadRes([dict(result) for result in results]), iou_type)
    if iou_type == 'keypoints':
        evaluator.params.kpt_oks_sigmas = schema.slot_sigmas
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    return Curves(evaluator.eval['precision'], evaluator.eval['recall'])


def _coco(dataset: dict[str, Any]) -> COCO:
    coco = COCO()
    coco.dataset = dataset
    coco.createIndex()
    return coco


def _truth_file(truth: TruthRows, image_ids: IntArray, schema: LandmarkSchema) -> dict[str, Any]:
    annotations = _dense_records(truth, schema)
    for number, (record, crowd) in enumerate(zip(annotations, truth.crowd.tolist(), strict=True)):
        record.update(
            id=number + 1,
            iscrowd=int(crowd),
            area=record['bbox'][2] * record['bbox'][3],
            num_keypoints=sum(v > 0 for v in record['keypoints'][2::3]),
        )
    categories = zip(schema.category_ids, schema.class_names, strict=True)
    return {
        'images': [{'id': number} for number in image_ids.tolist()],
        'categories': [{'id': number, 'name': name} for number, name in categories],
        'annotations': annotations,
    }


def _dense_records(rows: TruthRows | DetectionRows, schema: LandmarkSchema) -> list[Record]:
    assert rows.keypoints is not None
    offsets = keypoint_offsets(rows.labels, schema).tolist()
    starts = schema.slot_offsets.tolist()
    boxes = rows.boxes_xywh.astype(np.float64).tolist()
    records = []
    for n, label in enumerate(rows.labels.tolist()):
        own = rows.keypoints[offsets[n] : offsets[n + 1]].astype(np.float64)
        if own.shape[1] == 2:
            own = np.column_stack([own, np.ones(len(own))])
        dense: list[float] = [0] * (3 * schema.num_slots)
        dense[3 * starts[label] : 3 * starts[label + 1]] = own.ravel().tolist()
        records.append(
            {
                'image_id': int(rows.image_ids[n]),
                'category_id': schema.category_ids[label],
                'bbox': boxes[n],
                'keypoints': dense,
            }
        )
    return records


def _without(record: Record, key: str, score: float) -> Record:
    return {**{name: value for name, value in record.items() if name != key}, 'score': score}
