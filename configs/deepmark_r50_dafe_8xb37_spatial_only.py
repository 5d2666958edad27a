# SPDX-License-Identifier: Apache-2.0
"""DeepMark, ResNet-50 with the DAFE neck, spatial attention only; 8 x 37 images.

Row: none: DAFE was not published as DeepMark's neck.
Paper: - (DAFE's figures are not known)
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_r50_dafe_8xb37_spatial_only.py 8
"""

_base_ = '_base_/r50_dafe.py'

train_dataloader = dict(batch_size=37)
optim_wrapper = dict(dtype='bfloat16')
model = dict(neck=dict(channel_attention=None))
