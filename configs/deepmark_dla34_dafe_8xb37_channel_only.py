# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34 with the DAFE neck, channel attention only; 8 x 37 images.

The control is `deepmark_dla34_8xb37.py`: the same with DLA's own up-sampling.

Row: none: DAFE was not published as DeepMark's neck.
Paper: - (DAFE's figures are not known)
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_dla34_dafe_8xb37_channel_only.py 8
"""

_base_ = '_base_/dla34_dafe.py'

train_dataloader = dict(batch_size=37)
optim_wrapper = dict(dtype='bfloat16')
model = dict(neck=dict(spatial_attention=False))
