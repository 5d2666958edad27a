# SPDX-License-Identifier: Apache-2.0
"""Top-down HRNet-W32 on DeepFashion2, one head for all 13 categories; 256 x 192, 8 x 64 garments.

Row: none: a baseline.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/baselines/topdown_hrnet_w32.py 8
"""

_base_ = [
    'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py',
    '_base_/deepfashion2_pose.py',
]

targets = [*_base_.pose_augmented, dict(type='GenerateTarget', encoder=_base_.codec)]
train_set = dict(**_base_.pose_train_set, pipeline=[*targets, _base_.pose_pack])
model = dict(head=dict(out_channels=_base_.pose_landmarks))
train_dataloader = dict(dataset=train_set)
val_dataloader = test_dataloader = dict(dataset=_base_.pose_val_set)
val_evaluator = test_evaluator = _base_.pose_metric
default_hooks = dict(checkpoint=_base_.pose_checkpoints)
