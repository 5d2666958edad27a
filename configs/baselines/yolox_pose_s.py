# SPDX-License-Identifier: Apache-2.0
"""One-shot with landmarks padded to 39: YOLOX-Pose-s on DeepFashion2; 640 x 640, 8 x 32 images.

Row: none: the control that pads every list to the longest one.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/baselines/yolox_pose_s.py 8
"""

_base_ = [
    'mmpose::body_2d_keypoint/yoloxpose/coco/yoloxpose_s_8xb32-300e_coco-640.py',
    '_base_/deepfashion2_padded.py',
]

model = _base_.padded_model
train_dataloader = dict(dataset=_base_.padded_train_set)
val_dataloader = test_dataloader = dict(dataset=_base_.padded_val_set)
val_evaluator = test_evaluator = _base_.padded_metric
default_hooks = dict(checkpoint=_base_.padded_checkpoints)
custom_hooks = [*_base_.custom_hooks[1:], *_base_.padded_hooks]  # the first switches pipelines
