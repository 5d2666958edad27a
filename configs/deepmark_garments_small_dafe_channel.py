# SPDX-License-Identifier: Apache-2.0
"""The small DeepMark with the DAFE neck, channel attention only; drawn garments.

Row: none: a comparison of our own, see docs/dafe.md.
Paper: - (DAFE's figures are not known)
Measured: box AP .076, landmark AP .010 (visible + occluded); 1 seed

    python tools/train.py configs/deepmark_garments_small_dafe_channel.py
"""

_base_ = '_base_/garments_dafe.py'

train_dataloader = dict(batch_size=8)
model = dict(neck=dict(spatial_attention=False))
