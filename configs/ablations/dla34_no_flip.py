# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, trained without mirrored images.

Row: none: ablation of the augmentation.
Paper: -
Measured: not measured (no data and no cards here)
Changes: train_dataloader.dataset.pipeline

    tools/dist_train.sh configs/ablations/dla34_no_flip.py 8
"""

_base_ = '../deepmark_dla34_8xb5.py'
no_flip = [t for t in _base_.train_dataloader.dataset.pipeline if t != _base_.df2_flip]
train_dataloader = dict(dataset=dict(pipeline=no_flip))
