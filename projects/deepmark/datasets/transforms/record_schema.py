# SPDX-License-Identifier: Apache-2.0
"""The schema that a transform works with: its own, or that of the record's data set.

Records of :class:`deepmark.datasets.DeepFashion2Dataset` carry their schema, so that a config names
it once and no transform can swap landmarks by the rules of another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepmark.schema import DEEPFASHION2, LandmarkSchema

SCHEMA_KEY = 'schema'


def schema_of(results: Mapping[str, Any], given: LandmarkSchema | None) -> LandmarkSchema:
    """The schema to use for a record.

    Args:
        results: the record; ``results['schema']`` is its data set's, where that says so.
        given: the transform's own, or None.

    Raises:
        ValueError: both are there and differ.
    """
    of_record = results.get(SCHEMA_KEY)
    if not isinstance(of_record, LandmarkSchema):
        return given or DEEPFASHION2
    if given is not None and given != of_record:
        raise ValueError(
            f'{results.get("img_path")}: the transform has schema={given}, but the data set has '
            f"{of_record}. Fix: leave schema= out of the transform, it takes the data set's"
        )
    return of_record
