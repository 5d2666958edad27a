# SPDX-License-Identifier: Apache-2.0
"""DeepMark, Hourglass-104, 512 x 512, 37 images on each of 8 cards, bfloat16.

OpenMMLab's reading of 8xb37: 296 images in all, in bfloat16 for cards of 80 GB. The learning rate
stays 3e-4 unless `--auto-scale-lr` is given (base batch 37).

Row: none: the paper's batch of 37 is the total of 8 cards, here it is each card's.
Paper: for orientation, its Hourglass-104, single scale: box AP .710, landmark AP .512 (visible +
    occluded).
Measured: AP not measured (no data and no cards here); a bfloat16 training step of one image takes
    4.7 to 5.2 s on 2 CPU cores

    tools/dist_train.sh configs/deepmark_hg104_8xb37.py 8
"""

_base_ = '_base_/hg104.py'

train_dataloader = dict(batch_size=37)
optim_wrapper = dict(dtype='bfloat16')
