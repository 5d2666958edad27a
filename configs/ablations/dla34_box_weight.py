# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, box sizes weigh as much as offsets: 1, not 0.1.

Row: none: ablation of a loss weight.
Paper: -
Measured: not measured (no data and no cards here)
Changes: model.bbox_head.loss_box_size.loss_weight

    tools/dist_train.sh configs/ablations/dla34_box_weight.py 8
"""

_base_ = '../deepmark_dla34_8xb5.py'

model = dict(bbox_head=dict(loss_box_size=dict(loss_weight=1.0)))
