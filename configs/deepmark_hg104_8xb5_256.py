# SPDX-License-Identifier: Apache-2.0
"""DeepMark, Hourglass-104, 256 x 256, 5 images on each of 8 cards, float32.

Row: none: figure 1 of arXiv 1910.01225 has DLA-34 only at this size.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_hg104_8xb5_256.py 8
"""

_base_ = '_base_/hg104.py'

pipelines = _base_.df2_pipelines.px256
train_dataloader = dict(batch_size=5, dataset=dict(pipeline=pipelines.train))
val_dataloader = dict(dataset=dict(pipeline=pipelines.test))
test_dataloader = val_dataloader
tta_pipeline = pipelines.tta
