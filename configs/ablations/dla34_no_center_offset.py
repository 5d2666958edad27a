# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, no sub-cell offset of centres.

Row: none: ablation of one offset branch (arXiv 1910.01225, section 3).
Paper: -
Measured: not measured (no data and no cards here)
Changes: model.bbox_head.codec.center_offset

    tools/dist_train.sh configs/ablations/dla34_no_center_offset.py 8
"""

_base_ = '../deepmark_dla34_8xb5.py'

model = dict(bbox_head=dict(codec=dict(center_offset=False)))
