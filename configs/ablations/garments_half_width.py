# SPDX-License-Identifier: Apache-2.0
"""DeepMark small, garments, neck and head of half the width.

Row: none: ablation of the width.
Paper: -
Measured: docs/results.md (what was not run says so there)
Changes: model.neck.out_channels, model.bbox_head.in_channels, model.bbox_head.feat_channels

    python tools/compare.py configs/ablations/garments_half_width.py --epochs 3
"""

_base_ = '../deepmark_garments_128.py'

model = dict(neck=dict(out_channels=48), bbox_head=dict(in_channels=48, feat_channels=64))
