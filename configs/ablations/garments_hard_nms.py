# SPDX-License-Identifier: Apache-2.0
"""DeepMark small, garments, NMS that drops overlapping boxes, in the place of soft-NMS.

Row: none: the paper does not name the kind of its NMS.
Paper: -
Measured: docs/results.md (what was not run says so there)
Changes: model.test_cfg.nms

    python tools/test.py configs/ablations/garments_hard_nms.py CHECKPOINT
"""

_base_ = '../deepmark_garments_128.py'
hard_nms = dict(_delete_=True, type='nms', iou_threshold=0.6)
model = dict(test_cfg=dict(nms=hard_nms))
