# SPDX-License-Identifier: Apache-2.0
"""Channel attention of DAFE only: drawn garments, top-down, 128 x 96, for a CPU.

Row: none: one line of the comparison of DAFE's parts on drawn garments.
Paper: -
Measured: landmark AP .324, visible .401; 1 seed; with true boxes

    python tools/train.py configs/dafe/garments_topdown_channel.py
"""

_base_ = '_base_/garments_topdown.py'

model = dict(neck=dict(spatial_attention=False))
