# SPDX-License-Identifier: Apache-2.0
"""DeepMark small, garments, coarse landmarks weigh as little as box sizes: 0.1, not 1.

Row: none: ablation of a loss weight.
Paper: -
Measured: docs/results.md (what was not run says so there)
Changes: model.bbox_head.loss_coarse_keypoints.loss_weight

    python tools/compare.py configs/ablations/garments_coarse_weight.py --epochs 3
"""

_base_ = '../deepmark_garments_128.py'

model = dict(bbox_head=dict(loss_coarse_keypoints=dict(loss_weight=0.1)))
