# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34 without deformable convolution, for export.

Row: none: the paper and CenterNet up-sample with deformable convolution.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_dla34_8xb5_plain_conv.py 8
"""

_base_ = '_base_/dla34.py'

train_dataloader = dict(batch_size=5)
model = dict(neck=dict(dcn=False))
