# SPDX-License-Identifier: Apache-2.0
"""Names of DLA: CenterNet's detector and timm's classifier.

CenterNet's is ``networks/pose_dla_dcn.py`` at 4c50fd3. Both name the backbone's layers as the
authors of DLA and :class:`deepmark.models.backbones.DLANet` do, CenterNet below ``base.``. Its
deformable convolutions keep offsets and mask in one convolution ``conv_offset_mask``, in the
channel order of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

from deepmark.converters.family import Family, OptionalWeights, Shapes, none_such
from deepmark.converters.heads import BRANCHES

CENTERNET_PREFIX = 'base.'
FINEST_LEVEL = 2  # of the pyramid, at stride 4
CLASSIFIER = 'classifier of ImageNet'
UNUSED_PROJECTION = (
    'projection of a tree with several levels, which the original computes and never uses'
)
PLAIN_CONVOLUTIONS = 'the model has plain convolutions (neck.dcn=False)'

_TREE = r'level\d(?:\.tree[12])*'
_BACKBONE = (
    r'base_layer\.[01]',
    r'level[01]\.\d+',
    rf'{_TREE}\.(?:conv|bn)[123]',
    rf'{_TREE}\.root\.(?:conv|bn)',
    rf'{_TREE}\.project\.[01]',
)
_JOIN = r'(?:dla_up\.ida_\d+|ida_up)'
_NECK = (
    (rf'({_JOIN}\.(?:proj|node)_\d+\.(?:conv|actf\.0))', r'neck.\1'),
    (rf'({_JOIN}\.(?:proj|node)_\d+\.conv\.conv_offset)_mask', r'neck.\1'),
    (rf'({_JOIN}\.up_\d+)', r'neck.\1'),
)
_HEADS = tuple(
    (rf'{theirs}\.([02])', rf'bbox_head.stacks.0.{ours}.\1') for theirs, ours in BRANCHES.items()
)


def _backbone_modules(prefix: str) -> tuple[tuple[str, str], ...]:
    return tuple((rf'{re.escape(prefix)}({name})', r'backbone.\1') for name in _BACKBONE)


def unused_weights(keys: Iterable[str], prefix: str) -> dict[str, str]:
    """The classifier, and the projections of trees whose halves are trees (which have a root)."""
    start = re.escape(prefix)
    keys = list(keys)
    halves = (re.fullmatch(rf'({start}{_TREE})\.tree1\.(?:root|tree1)\..+', key) for key in keys)
    deep_trees = {half[1] for half in halves if half}
    unused = {}
    for key in keys:
        project = re.fullmatch(rf'({start}{_TREE})\.project\..+', key)
        if project and project[1] in deep_trees:
            unused[key] = UNUSED_PROJECTION
        elif key in (f'{prefix}fc.weight', f'{prefix}fc.bias'):
            unused[key] = CLASSIFIER
    return unused


def backbone_settings(shapes: Shapes, prefix: str = '') -> dict[str, object]:
    """Those of the backbone, and the channels around the neck; KeyError when a layer is missing."""
    levels = [_plain_depth(shapes, f'{prefix}level{n}') for n in (0, 1)]
    channels = [shapes[f'{prefix}level{n}.0.weight'][0] for n in (0, 1)]
    trees = (re.match(rf'{re.escape(prefix)}level(\d)\.', key) for key in shapes)
    last = max(int(tree[1]) for tree in trees if tree)
    for level in range(FINEST_LEVEL, max(last, FINEST_LEVEL) + 1):
        tree, depth = f'{prefix}level{level}.tree1', 1
        while f'{tree}.conv1.weight' not in shapes and any(key.startswith(tree) for key in shapes):
            tree, depth = f'{tree}.tree1', depth + 1
        levels.append(depth)
        channels.append(shapes[f'{tree}.conv1.weight'][0])
    return {
        'model.backbone.levels': tuple(levels),
        'model.backbone.channels': tuple(channels),
        'model.backbone.out_indices': tuple(range(FINEST_LEVEL, len(levels))),
        'model.neck.in_channels': tuple(channels[FINEST_LEVEL:]),
        'model.bbox_head.in_channels': channels[FINEST_LEVEL],
    }


def detector_settings(shapes: Shapes) -> dict[str, object]:
    """Those of backbone, neck and head; KeyError when a layer is missing."""
    return {
        **backbone_settings(shapes, CENTERNET_PREFIX),
        'model.neck.dcn': any('.conv_offset_mask.' in key for key in shapes),
        'model.bbox_head.num_stacks': 1,
        'model.bbox_head.feat_channels': shapes['hm.0.weight'][0],
    }


def _plain_depth(shapes: Shapes, level: str) -> int:
    """Convolutions of a level, each of which has one normalisation."""
    mean = re.compile(rf'{re.escape(level)}\.\d+\.running_mean')
    return sum(1 for key in shapes if mean.fullmatch(key))


CENTERNET_DLA = Family(
    name='CenterNet DLA',
    mark='base.base_layer.0.weight',
    modules=(*_backbone_modules(CENTERNET_PREFIX), *_NECK, *_HEADS),
    unused=partial(unused_weights, prefix=CENTERNET_PREFIX),
    idle=none_such,
    optional=(
        OptionalWeights(r'neck\..+\.conv_offset\.\w+', 'model.neck.dcn', PLAIN_CONVOLUTIONS),
    ),
    settings=detector_settings,
    fills=('backbone.', 'neck.'),
    with_head=True,
    backbone='DLANet',
    config='deepmark_dla34_8xb37.py',
)
IMAGENET_DLA = Family(
    name='ImageNet DLA (the layout of timm)',
    mark='base_layer.0.weight',
    modules=_backbone_modules(''),
    unused=partial(unused_weights, prefix=''),
    idle=none_such,
    optional=(),
    settings=backbone_settings,
    fills=('backbone.',),
    with_head=False,
    backbone='DLANet',
    config='deepmark_dla34_8xb37.py',
)
