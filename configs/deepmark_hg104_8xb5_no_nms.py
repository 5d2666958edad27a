# SPDX-License-Identifier: Apache-2.0
"""DeepMark, Hourglass-104, without post-processing.

A way of testing: the checkpoint is that of `deepmark_hg104_8xb5.py`.

Row: arXiv 1910.01225, table of inference strategies: no NMS, no flip, one scale
Paper: box AP .707, landmark AP .511 (visible + occluded), 73 ms
Measured: not measured (no data and no cards here)

    tools/dist_test.sh configs/deepmark_hg104_8xb5_no_nms.py CHECKPOINT 8
"""

_base_ = '_base_/hg104.py'

train_dataloader = dict(batch_size=5)
model = dict(test_cfg=dict(nms=None))
