# SPDX-License-Identifier: Apache-2.0
"""DeepMark small, garments, coarse landmarks only: no refinement by heatmap peaks.

Row: none: ablation of the refinement (arXiv 1910.01225, section 3).
Paper: -
Measured: docs/results.md (what was not run says so there)
Changes: model.test_cfg.refine

    python tools/test.py configs/ablations/garments_no_refinement.py CHECKPOINT
"""

_base_ = '../deepmark_garments_128.py'

model = dict(test_cfg=dict(refine=False))
