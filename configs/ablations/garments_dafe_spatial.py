# SPDX-License-Identifier: Apache-2.0
"""DeepMark small, garments, DAFENeck for TopDownFusion: spatial attention only.

Row: none: DAFE was not published as DeepMark's neck.
Paper: -
Measured: docs/results.md (what was not run says so there)
Changes: model.neck

    python tools/compare.py configs/ablations/garments_dafe_spatial.py --epochs 3
"""

_base_ = '../deepmark_garments_128.py'
channels = dict(in_channels=_base_.model.neck.in_channels, out_channels=96)
parts = dict(upsampling='bilinear', channel_attention=None)
model = dict(neck=dict(_delete_=True, type='deepmark.DAFENeck', **channels, **parts))
