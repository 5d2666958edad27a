# SPDX-License-Identifier: Apache-2.0
"""FCOS beside DeepMark on the garment benchmark: EfficientNet-Lite0, 128 x 128.

Row: none: a box baseline of the garment benchmark.
Paper: -
Measured: docs/results.md

    python tools/compare.py configs/baselines/garments_fcos.py --data garments --epochs 3
"""

_base_ = ['mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py', '_base_/garments.py']

model = dict(
    data_preprocessor=_base_.small_preprocessor,
    backbone=_base_.small_backbone,
    neck=dict(in_channels=_base_.small_channels, out_channels=_base_.small_width),
    bbox_head=_base_.small_head,
)
train_dataloader, val_dataloader = _base_.small_train, _base_.small_val
test_dataloader = val_dataloader
val_evaluator = test_evaluator = _base_.small_metric
train_cfg, param_scheduler = _base_.small_loop, _base_.small_scheduler
optim_wrapper = _base_.small_optimizer_slow
default_hooks = dict(checkpoint=_base_.small_checkpoints)
