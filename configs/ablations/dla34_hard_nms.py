# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, NMS that drops overlapping boxes, in the place of soft-NMS.

Row: none: the paper does not name the kind of its NMS.
Paper: -
Measured: not measured (no data and no cards here)
Changes: model.test_cfg.nms

    tools/dist_test.sh configs/ablations/dla34_hard_nms.py CHECKPOINT 8
"""

_base_ = '../deepmark_dla34_8xb5.py'
hard_nms = dict(_delete_=True, type='nms', iou_threshold=0.6)
model = dict(test_cfg=dict(nms=hard_nms))
