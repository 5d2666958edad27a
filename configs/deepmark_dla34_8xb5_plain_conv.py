# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34 without deformable convolution, for export.

The weights of CenterNet's deformable convolutions start its plain ones; their offsets are left out.

Row: none: CenterNet up-samples with deformable convolution.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_dla34_8xb5_plain_conv.py 8
"""

_base_ = '_base_/dla34.py'

train_dataloader = dict(batch_size=5)
model = dict(neck=dict(dcn=False))
# The converter leaves the offsets out for this config, so the file is another one.
load_from = 'checkpoints/dla34_plain_coco.pth'
