# SPDX-License-Identifier: Apache-2.0
"""DeepMark small enough for a CPU: EfficientNet-Lite0, drawn garments, 160 x 160.

The images come from `python tools/make_garments.py --out data/garments`; `make demo` runs it all.

Row: none: the network of the demo and of the tests.
Paper: -
Measured: box AP .422, landmark AP .286 (visible + occluded), .347 (visible); 2,700 training and 300
    held-out images, 5 epochs, 10 minutes on 2 CPU cores

    python tools/train.py configs/deepmark_garments_small.py
"""

_base_ = [
    '_base_/default_runtime.py',
    '_base_/deepfashion2.py',
    '_base_/small_network.py',
    '_base_/schedule_small.py',
]

input_size_wh = (160, 160)
# Milder than CenterNet's: drawn garments are varied already, and few epochs are to suffice. The
# window's centre moves by at most 12 of an image's 256 pixels.
window = dict(input_size=input_size_wh, scales=(0.85, 0.95, 1.05, 1.15), border=116)
train_warp = dict(type='deepmark.RandomCenterCropScale', **window)
test_warp = dict(type='deepmark.AspectPreservingWarp', input_size=input_size_wh)
train_pipeline = [*_base_.df2_before_warp, train_warp, *_base_.df2_after_warp]
test_pipeline = [_base_.df2_load_image, test_warp, *_base_.df2_after_test_warp]
two_scales = dict(type='deepmark.MultiScaleWarp', warp=test_warp, scales=(1.0, 0.75))
tta_pipeline = [_base_.df2_load_image, two_scales, *_base_.df2_after_test_warp]
loader = dict(batch_size=8, num_workers=1)
data_root = 'data/garments'
train_dataloader = dict(**loader, dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(**loader, dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader
