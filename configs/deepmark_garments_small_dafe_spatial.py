# SPDX-License-Identifier: Apache-2.0
"""The small DeepMark with the DAFE neck, spatial attention only; drawn garments.

Row: none: a comparison of our own, see docs/dafe.md.
Paper: - (DAFE's figures are not known)
Measured: box AP .173, landmark AP .025 (visible + occluded); 1 seed

    python tools/train.py configs/deepmark_garments_small_dafe_spatial.py
"""

_base_ = '_base_/garments_dafe.py'

train_dataloader = dict(batch_size=8)
model = dict(neck=dict(channel_attention=None))
