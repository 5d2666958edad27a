# SPDX-License-Identifier: Apache-2.0
"""The heads of CenterNet: names, and what they were trained for.

Names of the original (xingyizhou/CenterNet at 4c50fd3, ``src/lib/opts.py``): ``hm`` centre heatmap,
``wh`` box size, ``reg`` centre offset, ``hps`` coarse landmark offsets, ``hm_hp`` landmark
heatmaps, ``hp_offset`` landmark offset.

The last layer of ``hm``, ``hps`` and ``hm_hp`` has a channel for each class or landmark. When these
are another data set's, that layer is left at its initial value, and everything else of the branch
is carried over.

Deviation: the original's own ``load_model`` skips what has another shape. Here the channel counts
of all three decide together whose classes they are; alone, a person's heatmap would fit any schema
of one category.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from deepmark.converters.family import Shapes

BRANCHES = {
    'hm': 'center_heatmap',
    'wh': 'box_size',
    'reg': 'center_offset',
    'hps': 'coarse_keypoints',
    'hm_hp': 'keypoint_heatmap',
    'hp_offset': 'keypoint_offset',
}
CLASS_BRANCHES = ('hm', 'hps', 'hm_hp')
# Channels of these branches in CenterNet's public checkpoints.
PUBLIC_HEADS: dict[str, dict[str, int]] = {
    'COCO detection (80 classes)': {'hm': 80},
    'Pascal VOC detection (20 classes)': {'hm': 20},
    'COCO multi-pose (persons with 17 joints)': {'hm': 1, 'hps': 34, 'hm_hp': 17},
}
SCHEMA_POSES = "detection and landmarks of the schema's categories"
SCHEMA_DETECTION = "detection of the schema's categories"


class HeadKind(NamedTuple):
    """What the heads of a checkpoint were trained for.

    Attributes:
        name: for people.
        foreign: whether classes and landmarks are another data set's.
        remark: why, where the channel counts alone leave it open.
    """

    name: str
    foreign: bool
    remark: str = ''


def head_weight(branch: str, stack: int = 0) -> str:
    """Our name of the last layer's weight of a branch of the original."""
    return f'bbox_head.stacks.{stack}.{BRANCHES[branch]}.2.weight'


def branch_of(key: str) -> str | None:
    """Our branch that a weight of ours belongs to; None outside the head."""
    parts = key.split('.')
    return parts[3] if key.startswith('bbox_head.stacks.') else None


def is_class_layer(key: str) -> bool:
    """Whether a weight of ours has a channel for each class or landmark."""
    names = {BRANCHES[branch] for branch in CLASS_BRANCHES}
    return branch_of(key) in names and key.split('.')[4] == '2'


def is_class_weight(key: str) -> bool:
    """The same without the bias."""
    return is_class_layer(key) and key.endswith('weight')


def class_channels(shapes: Shapes) -> dict[str, int]:
    """Channels of the class branches, by the original's names, out of shapes with our names."""
    weights = {branch: head_weight(branch) for branch in CLASS_BRANCHES}
    return {branch: shapes[key][0] for branch, key in weights.items() if key in shapes}


def recognise_heads(channels: Mapping[str, int], own: Mapping[str, int]) -> HeadKind | None:
    """Tell what the heads were trained for.

    Branches may be missing: CenterNet trains without ``hm_hp`` too. Those that are there have to
    fit all together. A detector has one count only: 80 and 20 are taken for COCO's and VOC's
    classes, also where the schema has as many categories.

    Args:
        channels: of the checkpoint, see :func:`class_channels`.
        own: of the model.

    Returns:
        None without ``hm``, and when they are neither the model's own classes and landmarks nor a
        public checkpoint's.

    >>> own = {'hm': 13, 'hps': 588, 'hm_hp': 294}
    >>> recognise_heads({'hm': 80}, own)
    HeadKind(name='COCO detection (80 classes)', foreign=True, remark='')
    >>> recognise_heads({'hm': 13, 'hps': 588}, own)
    HeadKind(name="detection and landmarks of the schema's categories", foreign=False, remark='')
    >>> recognise_heads({'hm': 13, 'hps': 34, 'hm_hp': 17}, own) is None
    True
    """
    if 'hm' not in channels:
        return None
    fits = channels.items() <= own.items()
    public = _public_heads(channels)
    if len(channels) > 1 and fits:
        remark = f"the heads fit the schema and {public} alike, and are taken for the schema's"
        return HeadKind(SCHEMA_POSES, foreign=False, remark=remark if public else '')
    if public:
        remark = (
            f'hm has a channel for each of the {own["hm"]} categories of the schema, but is taken '
            f'for {public}: its last layer is dropped'
        )
        return HeadKind(public, foreign=True, remark=remark if fits else '')
    if fits:
        remark = (
            f'hm has a channel for each of the {own["hm"]} categories of the schema, and there are '
            'no landmark heads: taken for a detector of these categories, whose class layer is '
            'carried over'
        )
        return HeadKind(SCHEMA_DETECTION, foreign=False, remark=remark)
    return None


def _public_heads(channels: Mapping[str, int]) -> str | None:
    """Name of the public heads that these are part of: of a detector's, or of a pose network's."""
    for name, public in PUBLIC_HEADS.items():
        if channels.items() <= public.items() and (len(channels) > 1) == (len(public) > 1):
            return name
    return None
