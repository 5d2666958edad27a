# SPDX-License-Identifier: Apache-2.0
"""No attention, plain top-down fusion: drawn garments, top-down, 128 x 96, for a CPU.

Row: none: one line of the comparison of DAFE's parts on drawn garments.
Paper: -
Measured: landmark AP .431, visible .512; mean of 3 seeds; with true boxes

    python tools/train.py configs/dafe/garments_topdown_none.py
"""

_base_ = '_base_/garments_topdown.py'

model = dict(neck=dict(spatial_attention=False, channel_attention=None))
