# SPDX-License-Identifier: Apache-2.0
"""Names of CenterNet's Hourglass (``networks/large_hourglass.py`` at 4c50fd3) in mmdet's.

pre             the stem
kps             one hourglass a stack: up1 beside the pooled low1, low2 (nested), low3
cnvs            what the heads see
inters_, cnvs_  1x1 convolutions of a stack's input and output, added for ...
inters          ... the residual block before the next stack
"""

from __future__ import annotations

from collections.abc import Iterable

from deepmark.converters.family import Family, Shapes, none_such
from deepmark.converters.heads import BRANCHES

_LAYER = r'((?:conv|bn)[12])'
_SKIP = r'skip\.([01])'
_BLOCK = r'((?:low2\.)*(?:up1|low1|low2|low3)\.\d+)'  # the innermost low2 is blocks

_TRUNK = (
    (r'pre\.0\.(conv|bn)', r'backbone.stem.0.\1'),
    (rf'pre\.1\.{_LAYER}', r'backbone.stem.1.0.\1'),
    (rf'pre\.1\.{_SKIP}', r'backbone.stem.1.0.downsample.\1'),
    (rf'kps\.(\d+)\.{_BLOCK}\.{_LAYER}', r'backbone.hourglass_modules.\1.\2.\3'),
    (rf'kps\.(\d+)\.{_BLOCK}\.{_SKIP}', r'backbone.hourglass_modules.\1.\2.downsample.\3'),
    (r'cnvs\.(\d+)\.(conv|bn)', r'backbone.out_convs.\1.\2'),
    (rf'inters\.(\d+)\.{_LAYER}', r'backbone.inters.\1.\2'),
    (r'inters_\.(\d+)\.0', r'backbone.conv1x1s.\1.conv'),
    (r'inters_\.(\d+)\.1', r'backbone.conv1x1s.\1.bn'),
    (r'cnvs_\.(\d+)\.0', r'backbone.remap_convs.\1.conv'),
    (r'cnvs_\.(\d+)\.1', r'backbone.remap_convs.\1.bn'),
)
_HEADS = tuple(
    pair
    for theirs, ours in BRANCHES.items()
    for pair in (
        (rf'{theirs}\.(\d+)\.0\.conv', rf'bbox_head.stacks.\1.{ours}.0'),
        (rf'{theirs}\.(\d+)\.1', rf'bbox_head.stacks.\1.{ours}.2'),
    )
)


def idle_block(keys: Iterable[str]) -> dict[str, str]:
    """The block before the next stack, which mmdet builds for a single stack too."""
    keys = list(keys)
    if any(key.startswith('backbone.remap_convs.') for key in keys):
        return {}
    reason = 'stands before a second stack, so a single stack never reads it; zeros'
    return {key: reason for key in keys if key.startswith('backbone.inters.')}


def hourglass_settings(shapes: Shapes) -> dict[str, object]:
    """Config entries of the same widths and depths; KeyError when a layer is missing.

    The stages of an hourglass are its first block ``up1`` at every depth, and the innermost
    ``low2``.
    """
    depth = 0
    while f'kps.0.{"low2." * depth}up1.0.conv1.weight' in shapes:
        depth += 1
    stages = [f'kps.0.{"low2." * level}up1' for level in range(depth)]
    stages.append(f'kps.0.{"low2." * (depth - 1)}low2')
    num_stacks = _count(shapes, 'kps.{}.up1.0.conv1.weight')
    out_channels = shapes['cnvs.0.conv.weight'][0]
    return {
        'model.backbone.downsample_times': depth,
        'model.backbone.num_stacks': num_stacks,
        'model.backbone.stage_channels': tuple(
            shapes[f'{stage}.0.conv1.weight'][0] for stage in stages
        ),
        'model.backbone.stage_blocks': tuple(
            _count(shapes, stage + '.{}.conv1.weight') for stage in stages
        ),
        'model.backbone.feat_channel': out_channels,
        'model.bbox_head.num_stacks': num_stacks,
        'model.bbox_head.in_channels': out_channels,
        'model.bbox_head.feat_channels': shapes['hm.0.0.conv.weight'][0],
    }


def _count(shapes: Shapes, template: str) -> int:
    count = 0
    while template.format(count) in shapes:
        count += 1
    return count


HOURGLASS = Family(
    name='CenterNet Hourglass',
    mark='kps.0.up1.0.conv1.weight',
    modules=(*_TRUNK, *_HEADS),
    unused=none_such,
    idle=idle_block,
    optional=(),
    settings=hourglass_settings,
    fills=('backbone.', 'neck.'),
    with_head=True,
    backbone='HourglassNet',
    config='deepmark_hg104_8xb37.py',
)
