# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, 256 x 256, 37 images on each of 8 cards, bfloat16.

Row: arXiv 1910.01225, figure 1, DLA-34 at 256 x 256; the regime is ours (296 images, bfloat16).
Paper: box AP .64, landmark AP .40, 29 ms (read off the figure)
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_dla34_8xb37_256.py 8
"""

_base_ = '_base_/dla34.py'

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
train_dataloader = dict(batch_size=37, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
optim_wrapper = dict(dtype='bfloat16')
