# SPDX-License-Identifier: Apache-2.0
"""The small top-down network on two real photos of DeepFashion2, by heart, in 256 x 192 crops.

Row: none: trained and evaluated on the same two photos, it shows that real annotations go through.
Paper: -
Measured: landmark AP 1.000 (visible + occluded), with true boxes; 73 s of one CPU core

    python tools/train.py configs/dafe/deepfashion2_sample_overfit.py
"""

_base_ = '_base_/garments_topdown.py'

iterations = 250
photos = dict(
    data_root='data/deepfashion2_sample',
    split=None,
    ann_file='annotations_coco.json',
    data_prefix=dict(img=''),
)
flip = dict(type='RandomFlip', direction='horizontal')
full_crop = _base_.df2_crop
train_pipeline = [*_base_.df2_load, flip, full_crop, *_base_.df2_target, _base_.df2_pack]
test_pipeline = [*_base_.df2_load, full_crop, _base_.df2_pack]
train_dataloader = dict(batch_size=4, dataset=dict(**photos, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(**photos, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file='data/deepfashion2_sample/annotations_coco.json')
test_evaluator = val_evaluator
model = dict(head=dict(decoder=_base_.df2_codec))
train_cfg = dict(max_iters=iterations, val_interval=iterations)
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=iterations))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=False, begin=0, end=iterations),
]
