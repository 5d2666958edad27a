# SPDX-License-Identifier: Apache-2.0
"""DeepMark for low-power devices: a narrow DLA without deformable convolution, 256 x 256.

1.84 M parameters and 3.3 GFLOPs (2 x multiply-add, all heads dense); DLA-34 has 20.3 M and 21.9.
From scratch: no public checkpoint has these widths.

Row: none: DeepMark++ (arXiv 2006.00710) reports a light model of unknown widths; these are ours.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_dla_light_8xb37_256.py 8
"""

_base_ = '_base_/dla34.py'

pipelines = _base_.df2_pipelines.px256
train_dataloader = dict(batch_size=37, dataset=dict(pipeline=pipelines.train))
val_dataloader = dict(dataset=dict(pipeline=pipelines.test))
test_dataloader = val_dataloader
tta_pipeline = pipelines.tta
optim_wrapper = dict(dtype='bfloat16')
model = dict(
    backbone=dict(channels=(8, 16, 32, 48, 80, 128)),
    neck=dict(in_channels=(32, 48, 80, 128), dcn=False),
    bbox_head=dict(in_channels=32, feat_channels=64),
)
load_from = None
