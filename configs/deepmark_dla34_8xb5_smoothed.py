# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, heatmaps blurred by a Gaussian before peaks are searched.

A way of testing: the checkpoint is that of `deepmark_dla34_8xb5.py`. The width is our choice.

Row: none: DeepMark++ (arXiv 2006.00710) has it; no figure for it alone is known to us.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_test.sh configs/deepmark_dla34_8xb5_smoothed.py CHECKPOINT 8
"""

_base_ = '_base_/dla34.py'

train_dataloader = dict(batch_size=5)
model = dict(test_cfg=dict(smoothing=1.0))
