# SPDX-License-Identifier: Apache-2.0
"""Mask R-CNN, ResNet-50 with FPN, 12 epochs: mmdet's recipe on DeepFashion2; boxes and masks.

Row: none: a box and mask baseline.
Paper: for orientation, Match R-CNN of the same family, released data: box AP .638.
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/baselines/mask_rcnn_r50.py 8
"""

_base_ = ['mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', '_base_/deepfashion2.py']

model = dict(
    roi_head=dict(
        bbox_head=dict(num_classes=_base_.df2_classes),
        mask_head=dict(num_classes=_base_.df2_classes),
    )
)
test_pipeline = [*_base_.test_pipeline[:-2], *_base_.df2_test_end]
train_dataloader = dict(dataset=_base_.df2_train_masks)
val_dataloader = dict(dataset=dict(**_base_.df2_val_masks, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = test_evaluator = _base_.df2_box_and_mask_metrics
default_hooks = _base_.df2_hooks
