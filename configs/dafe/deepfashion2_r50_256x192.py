# SPDX-License-Identifier: Apache-2.0
"""Control without DAFE: ResNet-50 and mmpose's deconvolutions, 256 x 192; 8 x 64 garments.

Row: none: the control of DAFE, Simple Baselines' network.
Paper: - (DAFE's figures are not known)
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/dafe/deepfashion2_r50_256x192.py 8
"""

_base_ = ['_base_/own_category_head.py', '_base_/schedule_topdown.py']

model = dict(
    backbone=dict(
        type='ResNet',
        depth=50,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    head=dict(in_channels=2048, deconv_out_channels=(256, 256, 256)),
)
