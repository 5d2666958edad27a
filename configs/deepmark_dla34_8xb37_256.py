# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, 256 x 256, 37 images on each of 8 cards, bfloat16.

Row: arXiv 1910.01225, figure 1, DLA-34 at 256 x 256; the regime is ours (296 images, bfloat16).
Paper: box AP .64, landmark AP .40, 29 ms (read off the figure)
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_dla34_8xb37_256.py 8
"""

_base_ = '_base_/dla34.py'

pipelines = _base_.df2_pipelines.px256
train_dataloader = dict(batch_size=37, dataset=dict(pipeline=pipelines.train))
val_dataloader = dict(dataset=dict(pipeline=pipelines.test))
test_dataloader = val_dataloader
tta_pipeline = pipelines.tta
optim_wrapper = dict(dtype='bfloat16')
