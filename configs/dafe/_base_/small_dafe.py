# SPDX-License-Identifier: Apache-2.0
"""DAFE small enough for a CPU: ResNet-18 from scratch, steps of width 64, 128 x 128 crops."""

_base_ = 'r50_dafe.py'

small_wh = (128, 128)
# Unbiased: Gaussians at the landmarks themselves, not at whole cells, of which there are few here.
small_codec = dict(
    type='MSRAHeatmap', input_size=small_wh, heatmap_size=(32, 32), sigma=1.5, unbiased=True
)
small_crop = dict(type='deepmark.BoxAffine', input_size=small_wh)
small_train_pipeline = [
    *_base_.fashion_load,
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', rotate_factor=20, scale_factor=(0.9, 1.15)),
    small_crop,
    dict(type='GenerateTarget', encoder=small_codec),
    _base_.fashion_pack,
]
small_test_pipeline = [*_base_.fashion_load, small_crop, _base_.fashion_pack]
model = dict(
    backbone=dict(depth=18, init_cfg=None),
    neck=dict(in_channels=(64, 128, 256, 512), width=64, out_channels=64),
    head=dict(in_channels=64, decoder=small_codec),
)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3))
val_cfg = dict()
test_cfg = dict()
randomness = dict(seed=0)
