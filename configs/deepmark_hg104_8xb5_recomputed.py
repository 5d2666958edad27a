# SPDX-License-Identifier: Apache-2.0
"""DeepMark, Hourglass-104, 5 images on each of 8 cards, activations recomputed.

Row: none: memory ablation of deepmark_hg104_8xb5.py.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_hg104_8xb5_recomputed.py 8
"""

_base_ = '_base_/hg104.py'

train_dataloader = dict(batch_size=5)
activation_checkpointing = _base_.hourglass_parts
