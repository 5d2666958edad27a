# SPDX-License-Identifier: Apache-2.0
"""DeepMark, Hourglass-104, 256 x 256, 5 images on each of 8 cards, float32.

Row: none: figure 1 of arXiv 1910.01225 has DLA-34 only at this size.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_hg104_8xb5_256.py 8
"""

_base_ = '_base_/hg104.py'

input_size_wh = (256, 256)
train_pipeline = [
    *_base_.df2_before_warp,
    dict(type='deepmark.RandomCenterCropScale', input_size=input_size_wh),
    *_base_.df2_after_warp,
]
test_warp = dict(type='deepmark.AspectPreservingWarp', input_size=input_size_wh)
test_pipeline = [_base_.df2_load_image, test_warp, *_base_.df2_after_test_warp]
tta_pipeline = [
    _base_.df2_load_image,
    dict(type='deepmark.MultiScaleWarp', warp=test_warp, scales=(1.0, 0.75)),
    *_base_.df2_after_test_warp,
]
train_dataloader = dict(batch_size=5, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
