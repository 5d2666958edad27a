# SPDX-License-Identifier: Apache-2.0
"""DeepMark small, garments, focal losses that play easy cells down less: alpha 1, not 2.

Row: none: ablation of the focal loss's alpha (CornerNet's eq. 1).
Paper: -
Measured: docs/results.md (what was not run says so there)
Changes: model.bbox_head.loss_center_heatmap.alpha, model.bbox_head.loss_keypoint_heatmap.alpha

    python tools/compare.py configs/ablations/garments_focal_alpha1.py --epochs 3
"""

_base_ = '../deepmark_garments_128.py'
alpha1 = dict(alpha=1.0)
model = dict(bbox_head=dict(loss_center_heatmap=alpha1, loss_keypoint_heatmap=alpha1))
