# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, without post-processing.

A way of testing: the checkpoint is that of `deepmark_dla34_8xb5.py`.

Row: none: the paper has this row for the Hourglass only.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_test.sh configs/deepmark_dla34_8xb5_no_nms.py CHECKPOINT 8
"""

_base_ = '_base_/dla34.py'

train_dataloader = dict(batch_size=5)
model = dict(test_cfg=dict(nms=None))
