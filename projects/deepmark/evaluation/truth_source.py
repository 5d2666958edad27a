# SPDX-License-Identifier: Apache-2.0
"""Truth of a whole set: the official JSON file, or DeepFashion2's own annotation folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from deepmark.evaluation.garment_rows import TruthRows
from deepmark.evaluation.json_layout import TruthFile, read_truth
from deepmark.evaluation.sample_rows import truth_of_records
from deepmark.registry import DATASETS
from deepmark.schema import LandmarkSchema


def load_truth(path: str | os.PathLike[str], schema: LandmarkSchema) -> TruthFile:
    """Read truth.

    Args:
        path: a .json or .json.gz file in the official layout, or a folder such as
            ``validation/annos``, beside which the photos lie in ``image``.
        schema: categories and landmark counts.

    Raises:
        ValueError: naming file and key of what is wrong.
        OSError: it cannot be opened.
    """
    path = Path(path)
    if not path.is_dir():
        return read_truth(path, schema)
    data_set = DATASETS.build(
        {
            'type': 'deepmark.DeepFashion2Dataset',
            'schema': schema,
            'ann_file': str(path.absolute()),
            'data_prefix': {'img': str(path.absolute().parent / 'image')},
            'test_mode': True,
        }
    )
    records = [data_set.get_data_info(index) for index in range(len(data_set))]
    rows = [
        truth_of_records(r['instances'], int(r['img_id']), r['img_path'], schema) for r in records
    ]
    image_ids = np.array([int(r['img_id']) for r in records], np.int64)
    return TruthFile(image_ids, TruthRows.concatenate(rows))
