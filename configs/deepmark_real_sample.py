# SPDX-License-Identifier: Apache-2.0
"""The small network on two real photos of DeepFashion2, by heart, 256 x 256.

No row of the paper and no generalisation: trained and evaluated on the same two photos, it shows
that real annotations go all the way through. `make real-sample DATA=...` sets the paths; measured
figures stand in README.md.
"""

_base_ = ['deepmark_garments_small.py']

input_size_wh = (256, 256)
iterations = 300
train_pipeline = [
    dict(type='deepmark.LoadImage'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='deepmark.LoadLandmarks'),
    dict(type='deepmark.RandomFlipLandmarks', prob=0.5),
    dict(type='deepmark.RandomCenterCropScale', input_size=input_size_wh),
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
sample = dict(
    type='deepmark.DeepFashion2Dataset',
    data_root='data/deepfashion2_sample',
    ann_file='annotations_coco.json',
    data_prefix=dict(img=''),
)
train_dataloader = dict(
    batch_size=4,
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(_delete_=True, **sample, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=2, dataset=dict(_delete_=True, **sample, test_mode=True, pipeline=test_pipeline)
)
test_dataloader = val_dataloader

train_cfg = dict(
    _delete_=True, type='IterBasedTrainLoop', max_iters=iterations, val_interval=iterations
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=30),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=False, begin=0, end=iterations),
]
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(by_epoch=False, interval=iterations))
log_processor = dict(by_epoch=False, window_size=20)
