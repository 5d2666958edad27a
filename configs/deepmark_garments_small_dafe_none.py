# SPDX-License-Identifier: Apache-2.0
"""The small DeepMark with the DAFE neck, no attention: plain top-down fusion; drawn garments.

Row: none: a comparison of our own, see docs/dafe.md.
Paper: - (DAFE's figures are not known)
Measured: box AP .175, landmark AP .027 (visible + occluded); mean of 3 seeds

    python tools/train.py configs/deepmark_garments_small_dafe_none.py
"""

_base_ = '_base_/garments_dafe.py'

train_dataloader = dict(batch_size=8)
model = dict(neck=dict(spatial_attention=False, channel_attention=None))
