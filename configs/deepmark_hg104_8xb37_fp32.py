# SPDX-License-Identifier: Apache-2.0
"""DeepMark, Hourglass-104, 37 images on each of 8 cards, float32.

Row: none: precision ablation of deepmark_hg104_8xb37.py.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_hg104_8xb37_fp32.py 8
"""

_base_ = '_base_/hg104.py'

train_dataloader = dict(batch_size=37)
