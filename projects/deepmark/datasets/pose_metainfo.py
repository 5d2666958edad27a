# SPDX-License-Identifier: Apache-2.0
"""A schema as metainfo of an mmpose data set: one keypoint a landmark slot (294 for DeepFashion2).

mmpose's own metainfo of DeepFashion2 has no sigmas and one flip pair that is none; this one is made
from the validated schema.
"""

from __future__ import annotations

from typing import Any

from deepmark.schema import LandmarkSchema


def pose_metainfo(schema: LandmarkSchema) -> dict[str, Any]:
    """What mmpose's ``parse_pose_metainfo`` reads, in slot order.

    Keypoints are called by their category and their number in it from 1, as in the data set's own
    figure: ``'short sleeve top 1'``. Colours are RGB. All keypoints weigh the same.
    """
    names = [f'{c.name} {n}' for c in schema.categories for n in range(1, c.num_keypoints + 1)]
    colors = [list(schema.palette[label]) for label in schema.slot_labels.tolist()]
    swaps = [names[slot] for slot in schema.slot_flip_index.tolist()]
    keypoints = [
        {'name': name, 'color': color, 'type': '', 'swap': '' if swap == name else swap}
        for name, color, swap in zip(names, colors, swaps, strict=True)
    ]
    links = [
        {'link': (names[start + a], names[start + b]), 'color': list(category.color)}
        for category, start in zip(schema.categories, schema.slot_offsets.tolist(), strict=False)
        for a, b in category.skeleton
    ]
    return {
        'dataset_name': schema.name,
        'keypoint_info': dict(enumerate(keypoints)),
        'skeleton_info': dict(enumerate(links)),
        'joint_weights': [1.0] * schema.num_slots,
        'sigmas': schema.slot_sigmas.tolist(),
    }
