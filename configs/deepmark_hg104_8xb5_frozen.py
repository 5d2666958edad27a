# SPDX-License-Identifier: Apache-2.0
"""DeepMark, Hourglass-104, only the heads are trained: the trunk keeps its COCO weights.

Row: none: ablation of fine-tuning.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_hg104_8xb5_frozen.py 8
"""

_base_ = '_base_/hg104.py'

train_dataloader = dict(batch_size=5)
model = dict(frozen_modules=('backbone',))
