# SPDX-License-Identifier: Apache-2.0
"""RTMDet-tiny, 640 x 640, 300 epochs: mmdet's recipe on DeepFashion2.

Row: none: a box baseline.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/baselines/rtmdet_tiny.py 8
"""

_base_ = ['mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py', '_base_/deepfashion2.py']

model = dict(bbox_head=dict(num_classes=_base_.df2_classes))
test_pipeline = [*_base_.test_pipeline[:-2], *_base_.df2_test_end]
train_dataloader = dict(dataset=_base_.df2_train_set)
val_dataloader = dict(dataset=dict(**_base_.df2_val_set, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = test_evaluator = _base_.df2_metric
default_hooks = _base_.df2_hooks
