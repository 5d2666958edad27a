# SPDX-License-Identifier: Apache-2.0
"""DeepMark small, garments, without NMS.

Row: none: ablation of post-processing.
Paper: -
Measured: docs/results.md (what was not run says so there)
Changes: model.test_cfg.nms

    python tools/test.py configs/ablations/garments_no_nms.py CHECKPOINT
"""

_base_ = '../deepmark_garments_128.py'

model = dict(test_cfg=dict(nms=None))
