# SPDX-License-Identifier: Apache-2.0
"""FLD, ResNet-50, DAFE, one linear heatmap a landmark at stride 4: mmpose's estimator and head.

ImageNet weights are torchvision's, fetched when a training starts
(`--cfg-options model.backbone.init_cfg=None` starts from scratch).
"""

_base_ = 'fashion_landmarks.py'

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='ResNet',
        depth=50,
        out_indices=(0, 1, 2, 3),
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    neck=dict(type='deepmark.DAFENeck', in_channels=(256, 512, 1024, 2048), out_channels=256),
    head=dict(
        type='HeatmapHead',
        in_channels=256,
        out_channels=8,
        deconv_out_channels=None,
        deconv_kernel_sizes=None,
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=_base_.fashion_codec,
    ),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True),
)
