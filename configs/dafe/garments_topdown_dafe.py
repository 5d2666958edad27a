# SPDX-License-Identifier: Apache-2.0
"""Both attentions of DAFE: drawn garments, top-down, 128 x 96, for a CPU.

Row: none: one line of the comparison of DAFE's parts on drawn garments.
Paper: -
Measured: landmark AP .345, visible .424; mean of 3 seeds; with true boxes

    python tools/train.py configs/dafe/garments_topdown_dafe.py
"""

_base_ = '_base_/garments_topdown.py'
