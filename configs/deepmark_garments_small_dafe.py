# SPDX-License-Identifier: Apache-2.0
"""The small DeepMark with the DAFE neck, both attentions; drawn garments.

Row: none: a comparison of our own, see docs/dafe.md.
Paper: - (DAFE's figures are not known)
Measured: box AP .098, landmark AP .019 (visible + occluded); mean of 3 seeds

    python tools/train.py configs/deepmark_garments_small_dafe.py
"""

_base_ = '_base_/garments_dafe.py'

train_dataloader = dict(batch_size=8)
