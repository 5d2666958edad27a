# SPDX-License-Identifier: Apache-2.0
"""Truth of a whole set: the official JSON file, or DeepFashion2's own annotation folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from deepmark.datasets.annotation_source import find_source
from deepmark.datasets.load_packed import load_packed
from deepmark.datasets.problems import DatasetError
from deepmark.datasets.records import PackedRecords
from deepmark.evaluation.attribute_levels import ATTRIBUTE_LEVELS
from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.garment_rows import TruthRows
from deepmark.evaluation.json_layout import TruthFile, read_truth
from deepmark.schema import LandmarkSchema


def load_truth(path: str | os.PathLike[str], schema: LandmarkSchema) -> TruthFile:
    """Read truth.

    Args:
        path: a .json or .json.gz file in the official layout, or a folder such as
            ``validation/annos``, beside which the photos lie in ``image``, or ``validation``.
        schema: categories and landmarks.

    Raises:
        EvaluationError: naming file and key of what is wrong.
        OSError: it cannot be opened.
    """
    if not Path(path).is_dir():
        return read_truth(path, schema)
    try:
        return truth_of_packed(load_packed(find_source(path, schema)).packed)
    except DatasetError as error:
        raise EvaluationError(str(error)) from error


def truth_of_packed(packed: PackedRecords) -> TruthFile:
    """Truth of a data set's arrays."""
    boxes = packed.bboxes.astype(np.float32)
    boxes[:, 2:] -= boxes[:, :2]
    attributes = packed.attributes[:, : len(ATTRIBUTE_LEVELS)].astype(np.int64)
    rows = TruthRows(
        image_ids=packed.image_ids[packed.item_images],
        labels=packed.labels.astype(np.int64),
        boxes_xywh=boxes,
        crowd=packed.ignore_flags,
        keypoints=packed.keypoints,
        attributes=attributes if attributes.any() else None,
    )
    names = [packed.file_name(image) for image in range(packed.num_images)]
    return TruthFile(packed.image_ids, rows, names, packed.image_wh.astype(np.int64))
