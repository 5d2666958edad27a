# SPDX-License-Identifier: Apache-2.0
"""Images as a model returns them, and the metric as mmengine uses it, in one or two ranks."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import BaseDataElement, InstanceData

from deepmark.evaluation import DeepFashion2Metric
from deepmark.evaluation.attribute_levels import ATTRIBUTE_LEVELS
from deepmark.evaluation.garment_rows import DetectionRows, TruthRows, keypoint_offsets
from deepmark.schema import DEEPFASHION2

from .garment_examples import random_rows

SCHEMA = DEEPFASHION2
WORKER = Path(__file__).with_name('metric_rank.py')
UNEVEN = ([*range(1, 8)], [*range(8, 13)])
PADDED = ([*range(1, 8)], [*range(8, 13), 1, 2])


def data_sample(
    truth: TruthRows, detections: DetectionRows, image_id: int, with_keypoints: bool = True
) -> BaseDataElement:
    """One image as a model returns it, from packed rows."""
    sample = BaseDataElement(
        metainfo={
            'img_id': image_id,
            'img_path': f'{image_id:06d}.jpg',
            'instances': _instances(truth, image_id),
        }
    )
    rows = np.flatnonzero(detections.image_ids == image_id)
    offsets = keypoint_offsets(detections.labels, SCHEMA)
    keypoints = np.zeros((len(rows), SCHEMA.max_keypoints, 2), np.float32)
    for line, row in enumerate(rows):
        own = detections.keypoints[offsets[row] : offsets[row + 1]]
        keypoints[line, : len(own)] = own
    boxes = detections.boxes_xywh[rows].astype(np.float32)
    boxes[:, 2:] += boxes[:, :2]
    sample.pred_instances = InstanceData(
        bboxes=torch.from_numpy(boxes),
        labels=torch.from_numpy(detections.labels[rows]),
        scores=torch.from_numpy(detections.scores[rows].astype(np.float32)),
    )
    if with_keypoints:
        sample.pred_instances.keypoints = torch.from_numpy(keypoints)
    return sample


def _instances(truth: TruthRows, image_id: int) -> list[dict[str, Any]]:
    offsets = keypoint_offsets(truth.labels, SCHEMA)
    instances = []
    for row in np.flatnonzero(truth.image_ids == image_id):
        x, y, w, h = truth.boxes_xywh[row].tolist()
        instances.append(
            {
                'bbox': [x, y, x + w, y + h],
                'bbox_label': int(truth.labels[row]),
                'ignore_flag': int(truth.crowd[row]),
                'keypoints': truth.keypoints[offsets[row] : offsets[row + 1]],
            }
        )
        if truth.attributes is not None:
            levels = truth.attributes[row].tolist()
            instances[-1]['attributes'] = dict(zip(ATTRIBUTE_LEVELS, levels, strict=True))
    return instances


def without_truth(sample: BaseDataElement) -> BaseDataElement:
    """The same sample of an image without annotations."""
    metainfo = {key: value for key, value in sample.metainfo_items() if key != 'instances'}
    return BaseDataElement(metainfo=metainfo, pred_instances=sample.pred_instances)


def run(metric: DeepFashion2Metric, batches: list[list[BaseDataElement]]) -> dict[str, float]:
    """What mmengine's loops do with a metric."""
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = {'classes': SCHEMA.class_names}
    for batch in batches:
        evaluator.process(data_samples=batch, data_batch=None)
    return evaluator.evaluate(sum(map(len, batches)))


def random_samples() -> list[BaseDataElement]:
    """Images 1 to 12 of ``random_rows(seed=3)``."""
    truth, detections = random_rows(seed=3)
    return [data_sample(truth, detections, image_id) for image_id in range(1, 13)]


def run_two_ranks(
    samples: list[BaseDataElement], folder: Path, shares: tuple[list[int], list[int]], *more: str
) -> list[dict[str, float]]:
    """What both ranks return, for these images (numbers from 1) of each."""
    processes = []
    for rank, share in enumerate(shares):
        own = [samples[i - 1].to_dict() for i in share]
        (folder / f'samples.{rank}').write_bytes(pickle.dumps(own))
        command = [sys.executable, str(WORKER), str(rank), str(folder), *more]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    return [json.loads(output.splitlines()[-1]) for output in outputs]
