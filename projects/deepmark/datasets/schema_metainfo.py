# SPDX-License-Identifier: Apache-2.0
"""A schema as metainfo of a data set.

mmengine stores the metainfo in every checkpoint, and checkpoints are loaded with ``weights_only``:
so only plain Python values go in, from which ``get_schema`` rebuilds the schema.
"""

from __future__ import annotations

from typing import Any

from deepmark.schema import Category, LandmarkSchema


def schema_metainfo(schema: LandmarkSchema) -> dict[str, Any]:
    """``classes``, ``palette`` (RGB) and ``schema`` (the content of its file)."""
    return {
        'classes': schema.class_names,
        'palette': [tuple(color) for color in schema.palette],
        'schema': schema_to_dict(schema),
    }


def schema_to_dict(schema: LandmarkSchema) -> dict[str, Any]:
    """The mapping from which ``LandmarkSchema.from_dict`` makes an equal schema."""
    return {
        'name': schema.name,
        'categories': [_category_to_dict(category) for category in schema.categories],
    }


def _category_to_dict(category: Category) -> dict[str, Any]:
    return {
        'id': category.category_id,
        'name': category.name,
        'aliases': list(category.aliases),
        'num_keypoints': category.num_keypoints,
        'flip_pairs': [[a + 1, b + 1] for a, b in category.flip_pairs],
        'skeleton': [[a + 1, b + 1] for a, b in category.skeleton],
        'sigmas': list(category.sigmas),
        'keypoint_groups': list(category.keypoint_groups),
        'color': list(category.color),
        'keypoint_names': list(category.keypoint_names),
    }
