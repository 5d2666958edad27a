# SPDX-License-Identifier: Apache-2.0
"""DeepMark, Hourglass-104, 8 x 5 images, in bfloat16.

Row: none: precision ablation of deepmark_hg104_8xb5.py.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_hg104_8xb5_bf16.py 8
"""

_base_ = '_base_/hg104.py'

train_dataloader = dict(batch_size=5)
optim_wrapper = dict(dtype='bfloat16')
