# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, the corrected Gaussian radius.

Row: none: the published figures were made with CenterNet's formula.
Paper: -
Measured: not measured (no data and no cards here)
Changes: model.bbox_head.codec.radius

    tools/dist_train.sh configs/ablations/dla34_corrected_radius.py 8
"""

_base_ = '../deepmark_dla34_8xb5.py'

model = dict(bbox_head=dict(codec=dict(radius='corrected')))
