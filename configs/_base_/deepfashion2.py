# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2 in its own folder layout, CenterNet's augmentation, the DeepFashion2 metric.

data/DeepFashion2/train/{image,annos} and data/DeepFashion2/validation/{image,annos}. What leaves
change has a name: the warp stands between `df2_before_warp` and `df2_after_warp` in training,
between `df2_load_image` and `df2_after_test_warp` in testing, whose images are warped before their
annotations are loaded, which so stay in original pixels. Leaves give the batch size.
"""

df2_root = 'data/DeepFashion2'

df2_load_image = dict(type='deepmark.LoadImage')
df2_load_annotations = [
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='deepmark.LoadLandmarks'),
]
df2_flip = dict(type='deepmark.RandomFlipLandmarks', prob=0.5)
df2_color = dict(type='deepmark.PhotometricJitter')
df2_pack = dict(type='deepmark.PackLandmarkInputs')

df2_before_warp = [df2_load_image, *df2_load_annotations, df2_flip]
df2_after_warp = [df2_color, df2_pack]
df2_after_test_warp = [*df2_load_annotations, df2_pack]

# For each side of a square input: training, testing, and testing at the two scales of the paper's
# fusion (`tools/test.py --tta`, or a leaf's test pipeline).
df2_pipelines = {
    f'px{side}': dict(
        train=[
            *df2_before_warp,
            dict(type='deepmark.RandomCenterCropScale', input_size=(side, side)),
            *df2_after_warp,
        ],
        test=[
            df2_load_image,
            dict(type='deepmark.AspectPreservingWarp', input_size=(side, side)),
            *df2_after_test_warp,
        ],
        tta=[
            df2_load_image,
            dict(
                type='deepmark.MultiScaleWarp',
                warp=dict(type='deepmark.AspectPreservingWarp', input_size=(side, side)),
                scales=(1.0, 0.75),
            ),
            *df2_after_test_warp,
        ],
    )
    for side in (128, 256, 512)
}
tta_pipeline = df2_pipelines['px512']['tta']

df2_train = dict(
    batch_size=1,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='deepmark.DeepFashion2Dataset',
        data_root=df2_root,
        split='train',
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=df2_pipelines['px512']['train'],
    ),
)
df2_val = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='deepmark.DeepFashion2Dataset',
        data_root=df2_root,
        split='validation',
        test_mode=True,
        pipeline=df2_pipelines['px512']['test'],
    ),
)

train_dataloader = df2_train
val_dataloader = df2_val
test_dataloader = df2_val
val_evaluator = dict(type='deepmark.DeepFashion2Metric')
test_evaluator = val_evaluator
