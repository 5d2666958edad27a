# SPDX-License-Identifier: Apache-2.0
"""ResNet-50 with the DAFE neck and one 1x1 convolution to the landmark maps, on DeepFashion2."""

_base_ = ['own_category_head.py', 'schedule_topdown.py']

model = dict(
    backbone=dict(
        type='ResNet',
        depth=50,
        out_indices=(0, 1, 2, 3),
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    neck=dict(type='deepmark.DAFENeck', in_channels=(256, 512, 1024, 2048), out_channels=256),
    head=dict(in_channels=256, deconv_out_channels=None),
)
