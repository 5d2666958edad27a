# SPDX-License-Identifier: Apache-2.0
"""DeepMark, Hourglass-104, flip fusion with averaged sub-cell offsets.

A way of testing: the checkpoint is that of `deepmark_hg104_8xb5.py`.

Row: none: CenterNet takes sub-cell offsets from the plain image; the paper does not say.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_test.sh configs/deepmark_hg104_8xb5_flip_average.py CHECKPOINT 8
"""

_base_ = '_base_/hg104.py'

train_dataloader = dict(batch_size=5)
model = dict(test_cfg=dict(flip=True, flip_offsets='average'))
