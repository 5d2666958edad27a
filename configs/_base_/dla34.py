# SPDX-License-Identifier: Apache-2.0
"""DeepMark with CenterNet's DLA-34 in the paper's regime; leaves give the batch size.

Training starts from CenterNet's COCO detector as in the paper; `start_checkpoint_source` is the
file that the converter makes `load_from` of. `--cfg-options load_from=None` starts from scratch.
"""

_base_ = ['default_runtime.py', 'deepfashion2.py', 'deepmark_head.py', 'schedule_paper.py']

model = dict(
    data_preprocessor=dict(pad_size_divisor=32),
    backbone=dict(
        type='deepmark.DLANet',
        levels=(1, 1, 1, 2, 2, 1),
        channels=(16, 32, 64, 128, 256, 512),
    ),
    neck=dict(type='deepmark.DLAUp', in_channels=(64, 128, 256, 512), dcn=True),
    bbox_head=dict(in_channels=64, feat_channels=256),
)
load_from = 'checkpoints/dla34_coco.pth'
start_checkpoint_source = 'ctdet_coco_dla_2x.pth'
