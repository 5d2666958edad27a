# SPDX-License-Identifier: Apache-2.0
"""DeepMark small, garments, landmarks that mean the same share a channel.

Row: none: DeepMark++ (arXiv 2006.00710) has it; no figure for it alone is known to us.
Paper: -
Measured: docs/results.md (what was not run says so there)
Changes: model.bbox_head.codec.grouped

    python tools/compare.py configs/ablations/garments_grouped.py --epochs 3
"""

_base_ = '../deepmark_garments_128.py'

model = dict(bbox_head=dict(codec=dict(grouped=True)))
