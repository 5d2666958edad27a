# SPDX-License-Identifier: Apache-2.0
"""DeepMark, Hourglass-104, NMS and the mirror image.

A way of testing: the checkpoint is that of `deepmark_hg104_8xb5.py`.

Row: arXiv 1910.01225, table of inference strategies: NMS + flip, one scale
Paper: box AP .723, landmark AP .529, 165 ms
Measured: not measured (no data and no cards here)

    tools/dist_test.sh configs/deepmark_hg104_8xb5_flip.py CHECKPOINT 8
"""

_base_ = '_base_/hg104.py'

train_dataloader = dict(batch_size=5)
model = dict(test_cfg=dict(flip=True))
