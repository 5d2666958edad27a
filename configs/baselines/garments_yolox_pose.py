# SPDX-License-Identifier: Apache-2.0
"""One-shot with landmarks padded to 39 beside DeepMark on the garment benchmark: YOLOX-Pose's head.

Row: none: the padded control of the garment benchmark.
Paper: -
Measured: docs/results.md

    python tools/compare.py configs/baselines/garments_yolox_pose.py --data garments --epochs 3
"""

_base_ = [
    'mmpose::body_2d_keypoint/yoloxpose/coco/yoloxpose_s_8xb32-300e_coco-640.py',
    '_base_/garments_padded.py',
]

model = _base_.small_padded_model
train_dataloader, val_dataloader = _base_.small_padded_train, _base_.small_padded_val
test_dataloader = val_dataloader
val_evaluator = test_evaluator = _base_.small_metric
train_cfg, param_scheduler = _base_.small_loop, _base_.small_scheduler
optim_wrapper = _base_.small_optimizer
default_hooks = dict(checkpoint={**_base_.small_checkpoints, **_base_.padded_checkpoints})
custom_hooks = _base_.padded_hooks
