# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2 top-down: all 13 categories in one model, a 256 x 192 crop of each garment's box.

data/DeepFashion2/train/{image,annos} and data/DeepFashion2/validation/{image,annos}. Testing takes
the true boxes, or a detector's with `--cfg-options test_dataloader.dataset.bbox_file=FILE`. The
truth is the metric's own, so that every garment of every image counts.
Augmentation: milder than in mmpose's DeepFashion2 configs, which also shift the box, turn it by up
to 80 degrees and resize it by .5 to 1.5. Leaves give model and batch size.
"""

_base_ = 'default_runtime.py'

df2_root = 'data/DeepFashion2'

df2_input_wh = (192, 256)
df2_codec = dict(type='MSRAHeatmap', input_size=df2_input_wh, heatmap_size=(48, 64), sigma=2)

df2_load = [dict(type='deepmark.LoadImage'), dict(type='GetBBoxCenterScale')]
df2_augment = [
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', shift_prob=0, rotate_factor=60, scale_factor=(0.75, 1.25)),
]
df2_crop = dict(type='TopdownAffine', input_size=df2_input_wh)
df2_target = [
    dict(type='deepmark.TakeOwnLandmarks'),
    dict(type='GenerateTarget', encoder=df2_codec),
]
df2_pack = dict(type='PackPoseInputs')

train_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='deepmark.DeepFashion2TopDownDataset',
        data_root=df2_root,
        split='train',
        pipeline=[*df2_load, *df2_augment, df2_crop, *df2_target, df2_pack],
    ),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='deepmark.DeepFashion2TopDownDataset',
        data_root=df2_root,
        split='validation',
        test_mode=True,
        pipeline=[*df2_load, df2_crop, df2_pack],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='deepmark.DeepFashion2Metric', ann_file=f'{df2_root}/validation/annos')
test_evaluator = val_evaluator
default_hooks = dict(
    checkpoint=dict(save_best='deepfashion2/keypoints_AP', rule='greater'),
)
# Rank 0 evaluates while the others wait: two hours instead of NCCL's ten minutes.
env_cfg = dict(dist_cfg=dict(timeout=7200))
