# SPDX-License-Identifier: Apache-2.0
"""DeepMark small, garments, trained without mirrored images.

Row: none: ablation of the augmentation.
Paper: -
Measured: docs/results.md (what was not run says so there)
Changes: train_dataloader.dataset.pipeline

    python tools/compare.py configs/ablations/garments_no_flip.py --epochs 3
"""

_base_ = '../deepmark_garments_128.py'
no_flip = [t for t in _base_.train_dataloader.dataset.pipeline if t != _base_.df2_flip]
train_dataloader = dict(dataset=dict(pipeline=no_flip))
