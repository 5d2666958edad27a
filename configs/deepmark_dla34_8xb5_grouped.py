# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, landmarks that mean the same share a channel.

Row: none: DeepMark++ (arXiv 2006.00710) has it; no figure for it alone is known to us.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_dla34_8xb5_grouped.py 8
"""

_base_ = '_base_/dla34.py'

train_dataloader = dict(batch_size=5)
model = dict(bbox_head=dict(codec=dict(grouped=True)))
