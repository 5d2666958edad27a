# SPDX-License-Identifier: Apache-2.0
"""DeepMark small, garments, no sub-cell offset of centres.

Row: none: ablation of one offset branch (arXiv 1910.01225, section 3).
Paper: -
Measured: docs/results.md (what was not run says so there)
Changes: model.bbox_head.codec.center_offset

    python tools/compare.py configs/ablations/garments_no_center_offset.py --epochs 3
"""

_base_ = '../deepmark_garments_128.py'

model = dict(bbox_head=dict(codec=dict(center_offset=False)))
