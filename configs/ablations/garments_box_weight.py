# SPDX-License-Identifier: Apache-2.0
"""DeepMark small, garments, box sizes weigh as much as offsets: 1, not 0.1.

Row: none: ablation of a loss weight.
Paper: -
Measured: docs/results.md (what was not run says so there)
Changes: model.bbox_head.loss_box_size.loss_weight

    python tools/compare.py configs/ablations/garments_box_weight.py --epochs 3
"""

_base_ = '../deepmark_garments_128.py'

model = dict(bbox_head=dict(loss_box_size=dict(loss_weight=1.0)))
