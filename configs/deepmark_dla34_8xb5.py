# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, 512 x 512, 5 images on each of 8 cards, float32.

The paper's own regime. Its "batch of 37 images" on 8 cards of 11 GB is the total; 8 x 5 = 40 is
the nearest even split.

Row: arXiv 1910.01225, table of results, DLA-34, single scale (NMS only).
Paper: box AP .667, landmark AP .432 (visible + occluded), visible .469, 35 ms
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_dla34_8xb5.py 8
"""

_base_ = '_base_/dla34.py'

train_dataloader = dict(batch_size=5)
