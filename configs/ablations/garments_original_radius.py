# SPDX-License-Identifier: Apache-2.0
"""DeepMark small, garments, CenterNet's Gaussian radius in the place of the corrected one.

Row: none: the published figures were made with this formula.
Paper: -
Measured: docs/results.md (what was not run says so there)
Changes: model.bbox_head.codec.radius

    python tools/compare.py configs/ablations/garments_original_radius.py --epochs 3
"""

_base_ = '../deepmark_garments_128.py'

model = dict(bbox_head=dict(codec=dict(radius='centernet')))
