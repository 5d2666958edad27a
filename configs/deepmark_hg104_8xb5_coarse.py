# SPDX-License-Identifier: Apache-2.0
"""DeepMark, Hourglass-104, coarse landmarks only: no refinement by heatmap peaks.

A way of testing: the checkpoint is that of `deepmark_hg104_8xb5.py`.

Row: none: ablation of the refinement (arXiv 1910.01225, section 3).
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_test.sh configs/deepmark_hg104_8xb5_coarse.py CHECKPOINT 8
"""

_base_ = '_base_/hg104.py'

train_dataloader = dict(batch_size=5)
model = dict(test_cfg=dict(refine=False))
