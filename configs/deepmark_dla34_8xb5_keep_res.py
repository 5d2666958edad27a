# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, tested at the photo's own resolution (CenterNet's keep_res).

A way of testing: the checkpoint is that of `deepmark_dla34_8xb5.py`.

Row: none: the paper tests at 512 x 512.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_test.sh configs/deepmark_dla34_8xb5_keep_res.py CHECKPOINT 8
"""

_base_ = '_base_/dla34.py'

train_dataloader = dict(batch_size=5)
keep_resolution = dict(type='deepmark.KeepResolution', divisor=32)
test_pipeline = [_base_.df2_load_image, keep_resolution, *_base_.df2_after_test_warp]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
two_scales = dict(type='deepmark.MultiScaleWarp', warp=keep_resolution, scales=(1.0, 0.75))
tta_pipeline = [_base_.df2_load_image, two_scales, *_base_.df2_after_test_warp]
