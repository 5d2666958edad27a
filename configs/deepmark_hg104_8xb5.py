# SPDX-License-Identifier: Apache-2.0
"""DeepMark, Hourglass-104, 512 x 512, 5 images on each of 8 cards, float32.

The paper's own regime. Its "batch of 37 images" on 8 cards of 11 GB is the total; 8 x 5 = 40 is
the nearest even split.

Row: arXiv 1910.01225, table of results, Hourglass-104, single scale (NMS only).
Paper: box AP .710, landmark AP .512 (visible + occluded), visible .582, 76 ms
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_hg104_8xb5.py 8
"""

_base_ = '_base_/hg104.py'

train_dataloader = dict(batch_size=5)
