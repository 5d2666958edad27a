# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, focal losses that play easy cells down less: alpha 1, not 2.

Row: none: ablation of the focal loss's alpha (CornerNet's eq. 1).
Paper: -
Measured: not measured (no data and no cards here)
Changes: model.bbox_head.loss_center_heatmap.alpha, model.bbox_head.loss_keypoint_heatmap.alpha

    tools/dist_train.sh configs/ablations/dla34_focal_alpha1.py 8
"""

_base_ = '../deepmark_dla34_8xb5.py'
alpha1 = dict(alpha=1.0)
model = dict(bbox_head=dict(loss_center_heatmap=alpha1, loss_keypoint_heatmap=alpha1))
