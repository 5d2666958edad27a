# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, half the channels in backbone, neck and head; from scratch.

Row: none: ablation of the width; no public checkpoint has these widths.
Paper: -
Measured: not measured (no data and no cards here)
Changes: model.backbone.channels, model.neck.in_channels, model.bbox_head, load_from

    tools/dist_train.sh configs/ablations/dla34_half_width.py 8
"""

_base_ = '../deepmark_dla34_8xb5.py'
widths = (8, 16, 32, 64, 128, 256)
parts = dict(neck=dict(in_channels=widths[2:]), bbox_head=dict(in_channels=32, feat_channels=128))
model, load_from = dict(backbone=dict(channels=widths), **parts), None
