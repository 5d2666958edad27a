# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, 512 x 512, 37 images on each of 8 cards, bfloat16.

OpenMMLab's reading of 8xb37: 296 images in all, in bfloat16 for cards of 80 GB. The learning rate
stays 3e-4 unless `--auto-scale-lr` is given (base batch 37).

Row: none: the paper's batch of 37 is the total of 8 cards, here it is each card's.
Paper: for orientation, its DLA-34, single scale: box AP .667, landmark AP .432 (visible +
    occluded).
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_dla34_8xb37.py 8
"""

_base_ = '_base_/dla34.py'

train_dataloader = dict(batch_size=37)
optim_wrapper = dict(dtype='bfloat16')
