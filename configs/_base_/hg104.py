# SPDX-License-Identifier: Apache-2.0
"""DeepMark with CenterNet's Hourglass-104 in the paper's regime; leaves give the batch size.

Training starts from CenterNet's COCO detector as in the paper; `start_checkpoint_source` is the
file that the converter makes `load_from` of. `--cfg-options load_from=None` starts from scratch.
"""

_base_ = ['default_runtime.py', 'deepfashion2.py', 'deepmark_head.py', 'schedule_paper.py']

model = dict(
    data_preprocessor=dict(pad_size_divisor=128),
    backbone=dict(
        type='HourglassNet',
        downsample_times=5,
        num_stacks=2,
        stage_channels=(256, 256, 384, 384, 384, 512),
        stage_blocks=(2, 2, 2, 2, 2, 4),
        feat_channel=256,
        norm_cfg=dict(type='BN', requires_grad=True),
    ),
    bbox_head=dict(num_stacks=2),
)
# For `activation_checkpointing`: computed again in the backward pass instead of being kept.
hourglass_parts = [
    *('backbone.stem.1', 'backbone.inters.0', 'backbone.conv1x1s.0', 'backbone.remap_convs.0'),
    *('backbone.out_convs.0', 'backbone.out_convs.1'),
    *('backbone.hourglass_modules.0.up1', 'backbone.hourglass_modules.0.low1'),
    *('backbone.hourglass_modules.0.low2', 'backbone.hourglass_modules.0.low3'),
    *('backbone.hourglass_modules.1.up1', 'backbone.hourglass_modules.1.low1'),
    *('backbone.hourglass_modules.1.low2', 'backbone.hourglass_modules.1.low3'),
    *('bbox_head.stacks.0.center_heatmap', 'bbox_head.stacks.0.keypoint_heatmap'),
    *('bbox_head.stacks.1.center_heatmap', 'bbox_head.stacks.1.keypoint_heatmap'),
]
load_from = 'checkpoints/hg104_coco.pth'
start_checkpoint_source = 'ctdet_coco_hg.pth'
