# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, focal losses that spare cells near a centre less: beta 2, not 4.

Row: none: ablation of the focal loss's beta (CornerNet's eq. 1).
Paper: -
Measured: not measured (no data and no cards here)
Changes: model.bbox_head.loss_center_heatmap.beta, model.bbox_head.loss_keypoint_heatmap.beta

    tools/dist_train.sh configs/ablations/dla34_focal_beta2.py 8
"""

_base_ = '../deepmark_dla34_8xb5.py'
beta2 = dict(beta=2.0)
model = dict(bbox_head=dict(loss_center_heatmap=beta2, loss_keypoint_heatmap=beta2))
