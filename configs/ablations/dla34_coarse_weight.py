# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, coarse landmarks weigh as little as box sizes: 0.1, not 1.

Row: none: ablation of a loss weight.
Paper: -
Measured: not measured (no data and no cards here)
Changes: model.bbox_head.loss_coarse_keypoints.loss_weight

    tools/dist_train.sh configs/ablations/dla34_coarse_weight.py 8
"""

_base_ = '../deepmark_dla34_8xb5.py'

model = dict(bbox_head=dict(loss_coarse_keypoints=dict(loss_weight=0.1)))
