# SPDX-License-Identifier: Apache-2.0
"""Learning the two sample photos by heart: where they are, and 400 iterations with a cosine."""

by_heart_iterations = 400

train_cfg = dict(
    type='IterBasedTrainLoop', max_iters=by_heart_iterations, val_interval=by_heart_iterations
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=30),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=False, begin=0, end=by_heart_iterations),
]
photos = dict(
    type='deepmark.DeepFashion2Dataset',
    data_root='data/deepfashion2_sample',
    ann_file='annotations_coco.json',
    data_prefix=dict(img=''),
)
auto_scale_lr = dict(enable=False, base_batch_size=8)
randomness = dict(seed=0)
