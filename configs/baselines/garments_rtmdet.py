# SPDX-License-Identifier: Apache-2.0
"""RTMDet beside DeepMark on the garment benchmark: EfficientNet-Lite0, 128 x 128.

Row: none: a box baseline of the garment benchmark.
Paper: -
Measured: docs/results.md

    python tools/compare.py configs/baselines/garments_rtmdet.py --data garments --epochs 3
"""

_base_ = ['mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py', '_base_/garments.py']

model = dict(
    data_preprocessor=_base_.small_preprocessor,
    backbone=_base_.small_backbone_strides_8_to_32,
    neck=dict(in_channels=_base_.small_channels[1:]),
    bbox_head=dict(num_classes=_base_.small_classes),
)
train_dataloader, val_dataloader = _base_.small_train, _base_.small_val
test_dataloader = val_dataloader
val_evaluator = test_evaluator = _base_.small_metric
train_cfg, param_scheduler = _base_.small_loop, _base_.small_scheduler
optim_wrapper = _base_.small_optimizer
default_hooks = dict(checkpoint=_base_.small_checkpoints)
custom_hooks = _base_.custom_hooks[:1]  # the moving average; no second pipeline
