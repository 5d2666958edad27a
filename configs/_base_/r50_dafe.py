# SPDX-License-Identifier: Apache-2.0
"""DeepMark with ResNet-50 and the DAFE neck; leaves give the batch size.

ResNet-50 is the backbone of DAFE's public reading; its ImageNet weights are torchvision's, fetched
when a training starts (`--cfg-options model.backbone.init_cfg=None` starts from scratch), with
torchvision's normalisation.
"""

_base_ = ['default_runtime.py', 'deepfashion2.py', 'deepmark_head.py', 'schedule_paper.py']

model = dict(
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone=dict(
        type='mmdet.ResNet',
        depth=50,
        out_indices=(0, 1, 2, 3),
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    neck=dict(type='deepmark.DAFENeck', in_channels=(256, 512, 1024, 2048), out_channels=256),
    bbox_head=dict(in_channels=256, feat_channels=256),
)
