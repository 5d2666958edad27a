# SPDX-License-Identifier: Apache-2.0
"""DeepMark, Hourglass-104, the corrected Gaussian radius.

Row: none: the published figures were made with CenterNet's formula.
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/deepmark_hg104_8xb5_corrected_radius.py 8
"""

_base_ = '_base_/hg104.py'

train_dataloader = dict(batch_size=5)
model = dict(bbox_head=dict(codec=dict(radius='corrected')))
