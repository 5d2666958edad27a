# SPDX-License-Identifier: Apache-2.0
"""DeepMark small, garments, focal losses that spare cells near a centre less: beta 2, not 4.

Row: none: ablation of the focal loss's beta (CornerNet's eq. 1).
Paper: -
Measured: docs/results.md (what was not run says so there)
Changes: model.bbox_head.loss_center_heatmap.beta, model.bbox_head.loss_keypoint_heatmap.beta

    python tools/compare.py configs/ablations/garments_focal_beta2.py --epochs 3
"""

_base_ = '../deepmark_garments_128.py'
beta2 = dict(beta=2.0)
model = dict(bbox_head=dict(loss_center_heatmap=beta2, loss_keypoint_heatmap=beta2))
