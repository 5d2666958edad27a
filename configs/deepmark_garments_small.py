# SPDX-License-Identifier: Apache-2.0
"""DeepMark small enough for a CPU: EfficientNet-Lite0, drawn garments, 160 x 160.

No row of the paper: the network of `make demo` and of the tests. The images come from
`python tools/make_garments.py --out data/garments`.
Measured with it on 2 CPU cores (2,700 training and 300 held-out images, 5 epochs, 10 minutes): box
AP .423, landmark AP .286 (visible + occluded), .347 (visible).

    python tools/train.py configs/deepmark_garments_small.py
"""

_base_ = [
    '_base_/default_runtime.py',
    '_base_/deepfashion2.py',
    '_base_/small_network.py',
]

input_size_wh = (160, 160)
max_epochs = 5
train_pipeline = [
    _base_.df2_load_image,
    *_base_.df2_load_annotations,
    _base_.df2_flip,
    # Milder than CenterNet's: drawn garments are varied already, and few epochs are to suffice. The
    # window's centre moves by at most 12 of an image's 256 pixels.
    dict(
        type='deepmark.RandomCenterCropScale',
        input_size=input_size_wh,
        scales=(0.85, 0.95, 1.05, 1.15),
        border=116,
    ),
    _base_.df2_color,
    _base_.df2_pack,
]
test_pipeline = [
    _base_.df2_load_image,
    dict(type='deepmark.AspectPreservingWarp', input_size=input_size_wh),
    *_base_.df2_load_annotations,
    _base_.df2_pack,
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

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=2)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=True,
        begin=0,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
