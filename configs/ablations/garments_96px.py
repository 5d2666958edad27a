# SPDX-License-Identifier: Apache-2.0
"""DeepMark small, garments, 96 x 96 in the place of 128 x 128.

Row: none: ablation of the resolution.
Paper: -
Measured: docs/results.md (what was not run says so there)
Changes: train_dataloader, val_dataloader, test_dataloader, tta_pipeline

    python tools/compare.py configs/ablations/garments_96px.py --epochs 3
"""

_base_ = '../deepmark_garments_128.py'
train_dataloader = dict(dataset=dict(pipeline=_base_.garments_pipelines.px96.train))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=_base_.garments_pipelines.px96.test))
tta_pipeline = _base_.garments_pipelines.px96.tta
