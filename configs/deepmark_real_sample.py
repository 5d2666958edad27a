# SPDX-License-Identifier: Apache-2.0
"""The small network on two real photos of DeepFashion2, by heart: no generalisation, 256 x 256.

Row: none: trained and evaluated on the same two photos, it shows that real annotations go through.
Paper: -
Measured: box AP .950, landmark AP 1.000 (visible + occluded), 2 min 23 s on 2 CPU cores

    make real-sample DATA=FOLDER
"""

_base_ = [
    '_base_/default_runtime.py',
    '_base_/deepfashion2.py',
    '_base_/small_network.py',
    '_base_/by_heart.py',
]

input_size_wh = (256, 256)
# The photos are 750 pixels wide; the window moves by at most 35 of them.
window = dict(input_size=input_size_wh, scales=(0.9, 1.0, 1.1), border=340)
train_warp = dict(type='deepmark.RandomCenterCropScale', **window)
test_warp = dict(type='deepmark.AspectPreservingWarp', input_size=input_size_wh)
train_pipeline = [*_base_.df2_before_warp, train_warp, *_base_.df2_after_warp]
test_pipeline = [_base_.df2_load_image, test_warp, *_base_.df2_after_test_warp]
two_scales = dict(type='deepmark.MultiScaleWarp', warp=test_warp, scales=(1.0, 0.75))
tta_pipeline = [_base_.df2_load_image, two_scales, *_base_.df2_after_test_warp]
train_set = dict(_delete_=True, **_base_.photos, pipeline=train_pipeline)
val_set = dict(_delete_=True, **_base_.photos, pipeline=test_pipeline, test_mode=True)
endless = dict(_delete_=True, type='InfiniteSampler', shuffle=True)
train_dataloader = dict(batch_size=4, num_workers=1, sampler=endless, dataset=train_set)
val_dataloader = dict(batch_size=2, num_workers=1, dataset=val_set)
test_dataloader = val_dataloader
iterations = _base_.by_heart_iterations
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(by_epoch=False, interval=iterations))
log_processor = dict(by_epoch=False, window_size=20)
# A plain, slower rate than the demo's fits the boxes more tightly.
same_rate = dict(custom_keys=dict(backbone=dict(lr_mult=1.0)))
optim_wrapper = dict(optimizer=dict(lr=1e-3), paramwise_cfg=same_rate)
