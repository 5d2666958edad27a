# SPDX-License-Identifier: Apache-2.0
"""Garments to draw, from what data sets and models hand out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deepmark.as_array import as_array
from deepmark.schema import LandmarkSchema
from deepmark.visualization.garment_drawing import GarmentSet


def garments_of_records(
    instances: Sequence[Mapping[str, Any]], schema: LandmarkSchema
) -> GarmentSet:
    """Truth from a data set's ``instances`` (bbox xyxy, bbox_label, keypoints (K_c, 3))."""
    count = len(instances)
    keypoints = np.zeros((count, schema.max_keypoints, 2))
    visibility = np.zeros((count, schema.max_keypoints), np.int64)
    for n, instance in enumerate(instances):
        if instance.get('keypoints') is not None:
            own = np.asarray(instance['keypoints']).reshape(-1, 3)
            keypoints[n, : len(own)] = own[:, :2]
            visibility[n, : len(own)] = own[:, 2]
    return GarmentSet(
        boxes_xyxy=np.array([i['bbox'] for i in instances], np.float64).reshape(-1, 4),
        labels=np.array([i['bbox_label'] for i in instances], np.int64),
        keypoints=keypoints,
        visibility=visibility,
    )


def garments_of_instances(instances: Any, score_thr: float = -np.inf) -> GarmentSet:
    """From mmengine's InstanceData: predictions (from a lowest score on) or truth."""
    scores = as_array(instances.scores) if 'scores' in instances else None
    labels = as_array(instances.labels)
    chosen = np.ones(len(labels), np.bool_) if scores is None else scores >= score_thr
    optional = {
        name: as_array(instances[name])[chosen] if name in instances else None
        for name in ('keypoints', 'keypoints_visible')
    }
    return GarmentSet(
        boxes_xyxy=as_array(instances.bboxes).reshape(-1, 4)[chosen],
        labels=labels[chosen],
        scores=None if scores is None else scores[chosen],
        keypoints=optional['keypoints'],
        visibility=optional['keypoints_visible'],
    )


def truth_of_sample(
    data_sample: Any, image_hw: tuple[int, int], schema: LandmarkSchema
) -> GarmentSet | None:
    """The true garments of a data sample in the frame of the image that they are drawn on.

    On the original photo, which mmdet's hooks draw on, these are the data set's own ``instances``
    of the metainfo. On another image, or without them, ``gt_instances`` are taken as they are: in
    the network's input after training transforms, in original pixels where a test pipeline loads
    annotations after the resizing, as mmdet's do.

    Returns:
        None when the sample holds no truth.
    """
    on_original = tuple(image_hw) == tuple(data_sample.get('ori_shape', image_hw)[:2])
    instances = data_sample.get('instances')
    if instances is not None and on_original:
        return garments_of_records(instances, schema)
    if 'gt_instances' in data_sample and 'bboxes' in data_sample.gt_instances:
        return garments_of_instances(data_sample.gt_instances)
    return None
